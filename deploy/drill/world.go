package drill

import (
	"context"
	_ "embed" // for ordergate.yaml.
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ordergate/ordergate/deploy/config"
	"github.com/ordergate/ordergate/deploy/demo"
	"github.com/ordergate/ordergate/deploy/gateway"
)

//go:embed ordergate.yaml
var configFile string

// world is one shop and the gateway in front of it, fresh for each scene.
type world struct {
	roles     string
	customers []demo.Customer
	truth     *truth
	config    config.Config
	shop      *demo.Shop
	server    *demo.Server
	gateway   *gateway.Gateway
	dir       string
	url       string
	wires     *http.Transport
	finished  chan struct{}
	number    int

	mu    sync.Mutex
	tells map[string][]string // customers of opaque answers, by request
}

// build starts a world, whose config has more roles before its own (lines of YAML);
// on an error everything is ended again.
func build(ctx context.Context, c *clock, customers []demo.Customer, roles string) (w *world, err error) {
	w = &world{roles: roles, customers: customers, truth: newTruth(peopleOf(customers)), finished: make(chan struct{}, 1024), tells: map[string][]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
			w = nil
		}
	}()
	if w.dir, err = os.MkdirTemp("", "ordergate-drill-"); err != nil {
		return w, fmt.Errorf("making a folder for the drill: %w", err)
	}
	if w.shop, err = demo.NewShop(customers, demo.ShopOptions{Clock: c.now, Drill: true, Told: w.tell}); err != nil {
		return w, err
	}
	if w.server, err = demo.Listen("127.0.0.1:0", w.shop); err != nil {
		return w, err
	}
	if w.config, err = w.configure(); err != nil {
		return w, err
	}
	w.gateway, err = gateway.Start(ctx, w.config, gateway.Options{
		Version: "drill", Log: slog.New(slog.DiscardHandler), Now: c.now, Wait: c.wait,
		Finished: func() { w.finished <- struct{}{} },
	})
	if err != nil {
		return w, err
	}
	w.url = "http://" + w.gateway.Addr()
	w.wires = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second}
	return w, nil
}

// configure is the default config with what is the deployment's own.
func (w *world) configure() (config.Config, error) {
	var emails, ids []string
	for _, c := range demo.Canaries(w.customers) {
		emails, ids = append(emails, c.Email), append(ids, c.ID)
	}
	text := strings.NewReplacer("ERP_DIGEST", digest(demo.ERPKey), "PICKER_DIGEST", digest(demo.PickerKey)).Replace(configFile)
	text = strings.Replace(text, "\nroles:\n", "\nroles:\n"+w.roles, 1)
	text += fmt.Sprintf("\nupstream: %s\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata_dir: %q\n", w.server.URL, filepath.Join(w.dir, "data"))
	if len(ids) > 0 {
		text += fmt.Sprintf("canaries: {emails: [%s], customer_ids: [%s]}\n", strings.Join(emails, ", "), strings.Join(ids, ", "))
	}
	return config.Parse("drill", []byte(text))
}

func (w *world) nextRequest() int {
	w.number++
	return w.number
}

// tell keeps what the shop says of an opaque answer.
func (w *world) tell(request string, customers []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tells[request] = customers
}

// told returns it, once.
func (w *world) told(request int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := strconv.Itoa(request)
	customers := w.tells[key]
	delete(w.tells, key)
	return customers
}

// stop ends gateway and shop; the ledger stays until close.
func (w *world) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var errs []error
	if w.wires != nil {
		w.wires.CloseIdleConnections()
	}
	if w.gateway != nil {
		errs = append(errs, w.gateway.Stop(ctx))
		w.gateway = nil
	}
	if w.server != nil {
		errs = append(errs, w.server.Close(ctx))
		w.server = nil
	}
	if w.shop != nil {
		errs = append(errs, w.shop.Close())
		w.shop = nil
	}
	return errors.Join(errs...)
}

// close ends everything and removes the folder.
func (w *world) close() error {
	err := w.stop()
	if w.dir != "" {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return err
}
