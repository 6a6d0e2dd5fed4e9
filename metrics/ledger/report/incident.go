package report

import (
	"time"

	"github.com/ordergate/ordergate/rules"
)

// Schema is the version of [Incident]'s JSON form.
const Schema = 1

// Incident is a report about one incident: every section a responder, a
// regulator or a court asks for, filled in or marked as a person's to fill in.
// Its JSON form is part of the stable surface.
type Incident struct {
	Identity     Identity     `json:"identity"`
	Entity       Entity       `json:"entity"`
	Clock        Clock        `json:"clock"`
	What         What         `json:"what_happened"`
	ToWhom       ToWhom       `json:"to_whom"`
	Whose        Whose        `json:"whose"`
	Data         Data         `json:"which_data"`
	Subjects     Subjects     `json:"subjects"`
	Consequences Consequences `json:"consequences"`
	Measures     Measures     `json:"measures"`
	Notification Notification `json:"notification"`
	Integrity    Integrity    `json:"integrity"`
	Custody      Custody      `json:"custody"`
	Unknown      []string     `json:"cannot_know"` // what the gateway cannot know
	Timeline     []Bucket     `json:"timeline"`    // at most maxBuckets, of equal length, in order
}

// Bucket is a part of the incident's time: records released and withheld in it.
type Bucket struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Released int       `json:"released"`
	Withheld int       `json:"withheld"`
}

// Identity says which report this is.
type Identity struct {
	Incident    string   `json:"incident_id"`
	Tenant      string   `json:"tenant,omitempty"` // whose rows alone are counted; empty: all
	Schema      int      `json:"schema_version"`
	Version     int      `json:"report_version"` // 0: a draft that was not issued
	Previous    string   `json:"previous_version_digest"`
	Status      string   `json:"status"`
	Severity    string   `json:"severity"`
	Confidence  Fact     `json:"confidence"`
	GeneratedAt string   `json:"generated_at"`
	GeneratedBy Fact     `json:"generated_by"`
	Tool        string   `json:"tool_version"`
	Configs     []string `json:"config_digests"` // that the rows were written under
}

// Entity is whose customers they are.
type Entity struct {
	LegalName    Fact `json:"legal_name"`
	TradingName  Fact `json:"trading_name"`
	Registration Fact `json:"registration"`
	Contact      Fact `json:"contact"`
	DPO          Fact `json:"data_protection_officer"`
	Role         Fact `json:"controller_or_processor"`
	Others       Fact `json:"other_entities"`
}

// Clock is when. Times are RFC 3339 in UTC; empty: not known or not yet.
type Clock struct {
	FirstExposure string     `json:"first_exposure_at"`
	LastExposure  string     `json:"last_exposure_at"`
	FirstSignal   string     `json:"first_signal_at"`
	Alert         string     `json:"alert_at"`
	Acknowledged  Fact       `json:"acknowledged"`
	Contained     string     `json:"contained_at"`
	Aware         string     `json:"aware_at"` // stated by a person
	AwareReason   Fact       `json:"aware_reason"`
	Materiality   string     `json:"materiality_decided_at"` // stated by a person
	Due           []Deadline `json:"due"`
	Zone          string     `json:"time_zone"`
	Source        string     `json:"clock_source"`
	Steps         int64      `json:"clock_steps"` // rows earlier than the one before them
	FirstRow      int64      `json:"first_row"`   // sequences of the evidence
	LastRow       int64      `json:"last_row"`
}

// What is what happened.
type What struct {
	Mechanism     string     `json:"mechanism"`
	Endpoints     []Count    `json:"endpoints"` // route templates, by records
	Detectors     []Detected `json:"detectors"`
	Rule          string     `json:"rule,omitempty"`
	Requests      Fact       `json:"requests"`
	Conditions    string     `json:"detection_conditions"` // where windows, baselines and versions are found
	Narrative     Fact       `json:"narrative"`
	Vulnerability Fact       `json:"vulnerability"`
}

// Count is a number of something.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Detected is what one detector found.
type Detected struct {
	Detector  string `json:"detector"`
	Signals   int    `json:"signals"`
	Observed  int    `json:"highest_observed,omitempty"`
	Threshold int    `json:"threshold,omitempty"`
}

// ToWhom is who received the data.
type ToWhom struct {
	Principals []Principal  `json:"principals"` // by records, at most MaxPrincipals
	Cut        int          `json:"principals_not_listed"`
	Linked     []rules.Link `json:"linked_sessions"`
	Refused    int          `json:"exchanges_refused_or_cut"`
	// Networks are how they were seen on the network, readable, where the gateway
	// keeps that; at most MaxNetworks.
	Networks    []Network `json:"networks"`
	NetworksCut bool      `json:"networks_not_all"`
	NotKept     []string  `json:"not_kept"` // what the ledger does not hold of them
	Origin      Fact      `json:"origin"`
}

// MaxNetworks bounds ToWhom.Networks; the gateway's data_dir/evidence has more.
const MaxNetworks = 1000

// Network is how a principal was seen on the network.
type Network struct {
	Address   string       `json:"address"`
	JA4       string       `json:"ja4"`
	UserAgent string       `json:"user_agent"`
	Session   rules.Digest `json:"session"`
	First     string       `json:"first"`
	Last      string       `json:"last"`
}

// Principal is one recipient. All names are keyed digests.
type Principal struct {
	Session    rules.Digest   `json:"session"`
	Account    []rules.Digest `json:"accounts"`
	Role       string         `json:"role"`
	Credential bool           `json:"credential"`
	Issued     bool           `json:"seen_issued"`
	First      string         `json:"first"`
	Last       string         `json:"last"`
	Exchanges  int            `json:"exchanges"`
	Records    int            `json:"records"`
	Addresses  []rules.Digest `json:"addresses"` // at most maxAddresses
	Prefixes   int            `json:"prefixes"`
	ASNs       int            `json:"network_operators"`
	Programs   int            `json:"tls_fingerprints"`
}

// Bounded is a count with what it may really be.
type Bounded struct {
	Count int    `json:"count"`
	Lower int    `json:"lower"`
	Upper int    `json:"upper"`
	Why   string `json:"why"`
}

// Whose is how many people.
type Whose struct {
	Delivered Bounded `json:"delivered"`
	Unknown   Bounded `json:"released_delivery_unknown"`
	Withheld  Bounded `json:"withheld"`
	Attempted Bounded `json:"attempted"` // requests, not people
	// Affected is delivered and unknown together: the number to tell.
	Affected      Bounded `json:"affected"`
	Recall        float64 `json:"recogniser_recall"`
	Shared        int     `json:"known_only_by_shared_identifiers"`
	Canaries      int     `json:"canary_signals"`
	Jurisdictions Fact    `json:"jurisdictions"`
	Minors        Fact    `json:"minors"`
	ThirdParties  string  `json:"third_parties"`
}

// Data is which kinds of data.
type Data struct {
	Fields       []Count `json:"subjects_by_field"`
	Combinations []Count `json:"subjects_by_combination"`
	Orders       int     `json:"distinct_order_numbers"`
	Form         string  `json:"form"`
}

// Subjects names the file with one row a person.
type Subjects struct {
	File   string `json:"file"`   // empty: not written
	SHA256 string `json:"sha256"` // of that file
	Rows   int    `json:"rows"`
	Note   string `json:"note"`
	// Notified is who of them was told.
	Notified Fact `json:"notified"`
}

// Consequences are what a breach does to people: people's to state.
type Consequences struct {
	Harm      Fact `json:"likely_harm"`
	Risk      Fact `json:"risk_rating"`
	Rationale Fact `json:"rationale"`
	Remedy    Fact `json:"remedial_action"`
	Prevented Fact `json:"serious_harm_prevented"`
}

// Measures are what was done; the gateway knows only its own.
type Measures struct {
	Automatic  []string `json:"automatic"`
	Manual     Fact     `json:"manual"`
	Revoked    Fact     `json:"tokens_revoked"`
	FixedAt    Fact     `json:"vulnerability_fixed_at"`
	Collateral Fact     `json:"collateral"`
}

// Notification is who was told what: people's to state.
type Notification struct {
	Told           Fact `json:"told"`
	LawEnforcement Fact `json:"law_enforcement_delay"`
	Steps          Fact `json:"steps_recommended"`
}

// Integrity is why the rest can be believed, and how far.
type Integrity struct {
	Verified   bool     `json:"verified"` // the whole ledger was read and had no fault
	Faults     []string `json:"faults"`
	Entries    int64    `json:"tree_entries"`
	Root       string   `json:"tree_root"`
	AtOpen     string   `json:"checkpoint_at_open"`  // the last one signed before the incident opened
	AtClose    string   `json:"checkpoint_at_close"` // the first one signed after its last change
	Newest     string   `json:"checkpoint_newest"`
	Key        string   `json:"checkpoint_key"` // the public key
	DigestKeys []string `json:"digest_keys"`    // ids of the keys that the evidence was digested with
	Gaps       []Gap    `json:"gaps"`
	// Segments are the files with the evidence, as they were when the report was
	// made; none where it is in a database, for whose rows the tree stands.
	Segments  []File `json:"segments"`
	Witness   Fact   `json:"external_timestamp"`
	KeptSince string `json:"kept_since"` // time of the first kept row
	Deleted   int64  `json:"rows_deleted_by_retention"`
	LegalHold string `json:"legal_hold"`
	Statement string `json:"completeness"`
}

// File is a file and what was in it.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Gap is a time for which the ledger says less than everything.
type Gap struct {
	Kind  string    `json:"kind"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Count int64     `json:"count,omitempty"`
	What  string    `json:"what"`
}

// Custody is who had the report.
type Custody struct {
	MadeAt   string `json:"made_at"`
	MadeBy   Fact   `json:"made_by"`
	Purpose  Fact   `json:"purpose"`
	Handlers Fact   `json:"handlers"`
}
