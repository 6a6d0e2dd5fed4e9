package sealed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/ordergate/ordergate/rules"
)

// Options tune a keeper.
type Options struct {
	Window    time.Duration // how long sightings are kept sealed
	Retention time.Duration // how long the evidence of ended incidents is
	Now       func() time.Time
	// Failed is told of files that cannot be written; nil: nobody is.
	Failed func(error)
}

// Keeper writes the sealed window and the network evidence of incidents, in one
// goroutine. Make one with [Open]; a nil one keeps nothing.
type Keeper struct {
	dir    string
	opts   Options
	sealer sealer
	notes  chan rules.Peer
	lost   atomic.Int64 // sightings that found no room, and are not told of yet
	holds  chan rules.Incident
	stop   chan struct{}
	done   chan struct{}

	// Of the goroutine.
	file   *os.File
	name   string
	size   int64                              // of file, in bytes
	why    error                              // the last reason why a sighting was lost, but for a full queue
	recent *simplelru.LRU[sighting, struct{}] // of this hour
	open   map[string]*held
	buffer []byte
}

// sighting is what is written down once an hour.
type sighting struct {
	session, account, ip rules.Digest
	ja4, agent           string
}

// held is an open incident.
type held struct {
	networks Networks
	names    map[rules.Digest]struct{} // sessions, accounts and addresses that take part
	changed  bool
}

// Bounds: what waits, what is written and remembered of an hour, and how many
// incidents are followed at a time. Whoever changes the user agent with every
// request writes a sighting with each: 16 MiB are some 30,000 in an hour, and the
// window of 72 h is at most 1.2 GB.
const (
	maxNotes   = 4096
	maxFile    = 16 << 20
	maxRecent  = 1 << 16
	maxHeld    = 1000
	writeEvery = time.Second
)

// Open starts a keeper on data_dir. secret is the ledger key's.
func Open(dir string, secret []byte, opts Options) (*Keeper, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Failed == nil {
		opts.Failed = func(error) {}
	}
	sealer, err := newSealer(secret)
	if err != nil {
		return nil, err
	}
	recent, err := simplelru.NewLRU[sighting, struct{}](maxRecent, nil)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, Folder), 0o700); err != nil {
		return nil, fmt.Errorf("sealed window of network identifiers: %w: give the gateway's user write access to data_dir", err)
	}
	k := &Keeper{
		dir: dir, opts: opts, sealer: sealer, recent: recent, open: make(map[string]*held),
		notes: make(chan rules.Peer, maxNotes), holds: make(chan rules.Incident, maxHeld), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go k.run()
	return k, nil
}

// Note writes a sighting down. It never blocks: what finds the queue full is
// dropped.
func (k *Keeper) Note(peer *rules.Peer) {
	if k == nil || !peer.Address.IsValid() {
		return
	}
	select {
	case k.notes <- *peer:
	default:
		k.lost.Add(1)
	}
}

// Keep follows an incident while it is open: what the window has of its
// principals, and what comes, goes into its evidence. It never blocks.
func (k *Keeper) Keep(incident rules.Incident) {
	if k == nil {
		return
	}
	select {
	case k.holds <- incident:
	default:
	}
}

// Close writes what waits and ends the keeper.
func (k *Keeper) Close() {
	if k == nil {
		return
	}
	close(k.stop)
	<-k.done
}

func (k *Keeper) run() {
	defer close(k.done)
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	cleaned := time.Time{}
	for {
		select {
		case peer := <-k.notes:
			k.note(&peer)
		case incident := <-k.holds:
			k.follow(&incident)
		case <-tick.C:
			k.write()
			k.tellLost()
			if now := k.opts.Now(); now.Sub(cleaned) > time.Minute {
				cleaned = now
				k.clean(now)
			}
		case <-k.stop:
			k.drain()
			return
		}
	}
}

// drain takes what waits still.
func (k *Keeper) drain() {
	for {
		select {
		case peer := <-k.notes:
			k.note(&peer)
			continue
		case incident := <-k.holds:
			k.follow(&incident)
			continue
		default:
		}
		break
	}
	k.write()
	k.tellLost()
	k.fail(k.closeFile())
}

// errHour says that an hour's file is full.
var errHour = fmt.Errorf("the hour's file has its %d bytes", maxFile)

// miss counts a sighting that cannot be written down.
func (k *Keeper) miss(why error) {
	k.lost.Add(1)
	k.why = why
}

// tellLost says how many sightings were not written down, once for all of them:
// where a disk is full there is one with each request.
func (k *Keeper) tellLost() {
	n, why := k.lost.Swap(0), k.why
	if n == 0 {
		return
	}
	if k.why = nil; why == nil {
		why = fmt.Errorf("more than %d waited", maxNotes)
	}
	k.fail(fmt.Errorf("%d sightings were lost to incidents that open later: %w", n, why))
}

func (k *Keeper) fail(err error) {
	if err != nil {
		k.opts.Failed(err)
	}
}

func (k *Keeper) closeFile() error {
	if k.file == nil {
		return nil
	}
	err := k.file.Close()
	k.file = nil
	return err
}

// note seals a sighting, once an hour, and adds it to the incidents it is of.
func (k *Keeper) note(peer *rules.Peer) {
	if len(peer.UserAgent) > rules.MaxAgent {
		peer.UserAgent = peer.UserAgent[:rules.MaxAgent]
	}
	name := peer.Time.UTC().Format(hour) + suffix
	if name != k.name {
		k.fail(k.closeFile())
		k.name = name
		k.recent.Purge()
	}
	seen := sighting{peer.Session, peer.Account, peer.IP, peer.JA4, peer.UserAgent}
	if k.recent.Contains(seen) {
		return
	}
	k.recent.Add(seen, struct{}{})
	if k.file == nil {
		file, err := os.OpenFile(filepath.Join(k.dir, Folder, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			k.miss(err)
			return
		}
		info, err := file.Stat()
		if err != nil {
			k.miss(errors.Join(err, file.Close()))
			return
		}
		k.file, k.size = file, info.Size()
	}
	var err error
	k.buffer, err = k.sealer.seal(k.buffer[:0], name, peer)
	if err == nil && k.size+int64(len(k.buffer)) > maxFile {
		err = errHour
	}
	if err == nil {
		n := 0
		n, err = k.file.Write(k.buffer)
		k.size += int64(n)
	}
	if err != nil {
		k.miss(err)
	}
	sight := asKept(peer)
	for _, h := range k.open {
		h.take(&sight)
	}
}

func (h *held) take(k *kept) {
	for _, name := range [...]rules.Digest{k.Session, k.Account, k.IP} {
		if _, ok := h.names[name]; ok && !name.IsZero() {
			h.networks.add(k)
			h.changed = true
			return
		}
	}
}

// follow begins or goes on with an incident; one that has ended is written and
// left.
func (k *Keeper) follow(incident *rules.Incident) {
	h, ok := k.open[incident.ID]
	if !ok {
		if len(k.open) >= maxHeld {
			return
		}
		h = &held{networks: Networks{Incident: incident.ID, Networks: []Network{}}, names: make(map[rules.Digest]struct{})}
		before, err := Load(k.dir, incident.ID)
		if err != nil {
			k.fail(err)
			return
		}
		if before != nil {
			h.networks = *before
		}
		k.open[incident.ID] = h
	}
	fresh := make(map[rules.Digest]struct{})
	name := func(d rules.Digest) {
		if _, known := h.names[d]; !known && !d.IsZero() {
			h.names[d], fresh[d] = struct{}{}, struct{}{}
		}
	}
	name(incident.Session)
	name(incident.Account)
	for _, linked := range incident.Linked {
		name(linked.Session)
	}
	for _, address := range incident.Addresses {
		name(address)
	}
	if len(fresh) > 0 {
		k.fail(k.recover(h, fresh))
	}
	if incident.State.Ended() {
		h.changed = true
		k.writeOne(h)
		delete(k.open, incident.ID)
	}
}

// recover adds what the window has of names that are new.
func (k *Keeper) recover(h *held, fresh map[rules.Digest]struct{}) error {
	paths, err := files(k.dir)
	if err != nil {
		return err
	}
	only := held{networks: h.networks, names: fresh}
	for _, path := range paths {
		if _, err := k.sealer.read(path, only.take); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	h.networks, h.changed = only.networks, h.changed || only.changed
	return nil
}

func (k *Keeper) write() {
	for _, h := range k.open {
		k.writeOne(h)
	}
}

func (k *Keeper) writeOne(h *held) {
	if !h.changed {
		return
	}
	h.networks.Updated = k.opts.Now().UTC()
	if err := h.networks.save(k.dir); err != nil {
		k.fail(err)
		return
	}
	h.changed = false
}

// clean deletes what is past its time.
func (k *Keeper) clean(now time.Time) {
	open := make(map[string]struct{}, len(k.open))
	for id := range k.open {
		open[id] = struct{}{}
	}
	k.fail(errors.Join(expire(k.dir, now.Add(-k.opts.Window)), retainEvidence(k.dir, now.Add(-k.opts.Retention), open)))
}
