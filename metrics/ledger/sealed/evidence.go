package sealed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ordergate/ordergate/rules"
)

// MaxNetworks bounds the networks of one incident.
const MaxNetworks = 10_000

// Network is how a principal of an incident was seen on the network.
type Network struct {
	Address   string       `json:"address"`
	JA4       string       `json:"ja4,omitempty"`
	UserAgent string       `json:"user_agent,omitempty"`
	Session   rules.Digest `json:"session"`
	Account   rules.Digest `json:"account"`
	IP        rules.Digest `json:"ip"` // the ledger's digest of Address
	First     time.Time    `json:"first"`
	Last      time.Time    `json:"last"`
}

// Networks are an incident's evidence of who was on the other side.
type Networks struct {
	Incident string    `json:"incident"`
	Updated  time.Time `json:"updated"`
	Cut      bool      `json:"cut"` // there were more than MaxNetworks
	Networks []Network `json:"networks"`
}

// incidentName is what an incident's id may be: it becomes a file's name.
var incidentName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

func evidencePath(dir, incident string) (string, error) {
	if !incidentName.MatchString(incident) {
		return "", fmt.Errorf("incident id %q: want letters, digits and hyphens", incident)
	}
	return filepath.Join(dir, Evidence, incident+".json"), nil
}

// Load reads an incident's evidence; nil if there is none.
func Load(dir, incident string) (*Networks, error) {
	path, err := evidencePath(dir, incident)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path) //nolint:gosec // named by an id of our own making
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // says that there is none
	} else if err != nil {
		return nil, fmt.Errorf("read the network evidence of %s: %w", incident, err)
	}
	var n Networks
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("network evidence %s is damaged: %w", path, err)
	}
	return &n, nil
}

// save writes an incident's evidence, mode 0600, whole or not at all.
func (n *Networks) save(dir string) error {
	path, err := evidencePath(dir, n.Incident)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	slices.SortFunc(n.Networks, func(a, b Network) int { return a.First.Compare(b.First) })
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// add takes a sighting in.
func (n *Networks) add(k *kept) {
	for i := range n.Networks {
		have := &n.Networks[i]
		if have.Address != k.Address || have.JA4 != k.JA4 || have.UserAgent != k.UserAgent || have.Session != k.Session || have.Account != k.Account {
			continue
		}
		if k.Time.Before(have.First) {
			have.First = k.Time
		}
		if k.Time.After(have.Last) {
			have.Last = k.Time
		}
		return
	}
	if len(n.Networks) >= MaxNetworks {
		n.Cut = true
		return
	}
	n.Networks = append(n.Networks, Network{k.Address, k.JA4, k.UserAgent, k.Session, k.Account, k.IP, k.Time, k.Time})
}

// retainEvidence deletes the evidence of incidents that none of keep names and
// that was last updated before a time.
func retainEvidence(dir string, before time.Time, keep map[string]struct{}) error {
	paths, err := filepath.Glob(filepath.Join(dir, Evidence, "*.json"))
	for _, path := range paths {
		id := strings.TrimSuffix(filepath.Base(path), ".json")
		if _, open := keep[id]; open {
			continue
		}
		n, loadErr := Load(dir, id)
		if loadErr != nil || n == nil || !n.Updated.Before(before) {
			err = errors.Join(err, loadErr)
			continue
		}
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
