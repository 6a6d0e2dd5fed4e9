package ledger

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Sink is a place that checkpoints are written to besides the store, so that
// whoever can rewrite the store cannot rewrite what was said before.
type Sink interface {
	// Name is a short fixed word for metrics: log, file, http.
	Name() string
	// Put writes a checkpoint, within ctx. It is called by one goroutine.
	Put(ctx context.Context, checkpoint Checkpoint) error
}

// NotaryStore is what a notary needs of a [Store].
type NotaryStore interface {
	Head(ctx context.Context) (Head, error)
	SaveCheckpoint(ctx context.Context, checkpoint Checkpoint) error
}

// NotaryOptions tune a notary. The zero value gives the defaults.
type NotaryOptions struct {
	Every time.Duration // between checkpoints while the ledger grows; 0 means a minute
	Sinks []Sink
	// Told is called for every checkpoint and place (store, or a sink's name),
	// with the error if it did not get there. Nil: nobody is told. It must not
	// block and is called from several goroutines.
	Told func(place string, err error)
	Now  func() time.Time // nil means time.Now
	// Patience bounds each Put; 0 means 10 s.
	Patience time.Duration
}

// Notary signs checkpoints of a ledger while it grows. It works beside the
// request path: nothing waits for it, and it holds one checkpoint a sink. A sink
// that is slower than the checkpoints gets the newest; a newer one says all that
// an older one says. Make one with [NewNotary], end it with [Notary.Close].
type Notary struct {
	store  NotaryStore
	signer *Signer
	opts   NotaryOptions
	cancel context.CancelFunc
	stop   chan struct{} // closed by Close
	ended  sync.WaitGroup
	boxes  []chan Checkpoint // one a sink, with room for one
	once   sync.Once
	signed int64 // entries in the last checkpoint; of the signing goroutine
}

// NewNotary starts a notary.
func NewNotary(store NotaryStore, signer *Signer, opts NotaryOptions) *Notary {
	if opts.Every <= 0 {
		opts.Every = time.Minute
	}
	if opts.Patience <= 0 {
		opts.Patience = 10 * time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Told == nil {
		opts.Told = func(string, error) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notary{store: store, signer: signer, opts: opts, cancel: cancel, stop: make(chan struct{})}
	for _, sink := range opts.Sinks {
		box := make(chan Checkpoint, 1)
		n.boxes = append(n.boxes, box)
		n.ended.Go(func() { n.deliver(ctx, sink, box) })
	}
	n.ended.Go(func() { n.run(ctx) })
	return n
}

// Close signs a last checkpoint, waits for the sinks to get it, and ends. When
// ctx ends first, it does not wait longer and says so. It may be called again.
func (n *Notary) Close(ctx context.Context) error {
	n.once.Do(func() { close(n.stop) })
	done := make(chan struct{})
	go func() {
		n.ended.Wait()
		close(done)
	}()
	defer n.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the last checkpoint did not get everywhere: %w", ctx.Err())
	}
}

func (n *Notary) run(ctx context.Context) {
	tick := time.NewTicker(n.opts.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.sign(ctx)
		case <-n.stop:
			n.sign(ctx)
			for _, box := range n.boxes {
				close(box)
			}
			return
		}
	}
}

// sign makes a checkpoint if the ledger has grown.
func (n *Notary) sign(ctx context.Context) {
	head, err := n.store.Head(ctx)
	if err == nil && head.Tree.Size() == n.signed {
		return
	}
	var checkpoint Checkpoint
	if err == nil {
		checkpoint, err = n.signer.Sign(head, n.opts.Now())
	}
	if err == nil {
		err = n.store.SaveCheckpoint(ctx, checkpoint)
	}
	n.opts.Told("store", err)
	if err != nil {
		return
	}
	n.signed = checkpoint.Size
	for _, box := range n.boxes {
		select {
		case <-box: // an older one that its sink had no time for
		default:
		}
		box <- checkpoint // there is room: nobody else puts
	}
}

// deliver writes checkpoints to one sink until its box is closed.
func (n *Notary) deliver(ctx context.Context, sink Sink, box <-chan Checkpoint) {
	for checkpoint := range box {
		putting, cancel := context.WithTimeout(ctx, n.opts.Patience)
		err := sink.Put(putting, checkpoint)
		cancel()
		if err != nil {
			err = fmt.Errorf("checkpoint of entry %d: %w", checkpoint.Size, err)
		}
		n.opts.Told(sink.Name(), err)
	}
}
