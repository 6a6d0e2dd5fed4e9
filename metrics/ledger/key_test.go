package ledger_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ordergate/ordergate/metrics/ledger"
	"github.com/ordergate/ordergate/rules"
)

func TestKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := ledger.LoadKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadKey without a key: %v, want fs.ErrNotExist", err)
	}
	keys := make([]ledger.Key, 16)
	var starts sync.WaitGroup
	for i := range keys {
		starts.Go(func() {
			var err error
			if keys[i], err = ledger.LoadOrCreateKey(dir); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	for _, key := range keys {
		if key.ID != keys[0].ID || string(key.Secret) != string(keys[0].Secret) {
			t.Fatalf("two starts at once have keys %s and %s", key.ID, keys[0].ID)
		}
	}
	if _, err := rules.NewHasher(keys[0].Secret); err != nil {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("files %v, %v: want the key alone", files, err)
	}
	other, err := ledger.LoadOrCreateKey(t.TempDir())
	if err != nil || other.ID == keys[0].ID {
		t.Errorf("another directory has key %s, %v", other.ID, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, ledger.KeyFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestKeyIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(text string) (string, fs.FileMode)
		want   string
	}{
		"readable by the group": {func(s string) (string, fs.FileMode) { return s, 0o640 }, "run: chmod 600"},
		"readable by all":       {func(s string) (string, fs.FileMode) { return s, 0o604 }, "run: chmod 600"},
		"empty":                 {func(string) (string, fs.FileMode) { return "", 0o600 }, "restore it from a backup"},
		"one digit changed": {func(s string) (string, fs.FileMode) {
			last := byte('0')
			if s[len(s)-2] == '0' {
				last = '1'
			}
			return s[:len(s)-2] + string(last) + "\n", 0o600
		}, "restore it from a backup"},
		"cut":        {func(s string) (string, fs.FileMode) { return s[:len(s)-9], 0o600 }, "restore it from a backup"},
		"huge":       {func(s string) (string, fs.FileMode) { return strings.Repeat(s, 100), 0o600 }, "restore it from a backup"},
		"a new kind": {func(s string) (string, fs.FileMode) { return strings.Replace(s, "key-2", "key-3", 1), 0o600 }, "restore it from a backup"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.HasPrefix(name, "readable") {
				t.Skip("has no such modes")
			}
			dir := t.TempDir()
			key, err := ledger.LoadOrCreateKey(dir)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, ledger.KeyFile)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damaged, mode := test.damage(string(text))
			if err := errors.Join(os.WriteFile(path, []byte(damaged), mode), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
			_, err = ledger.LoadOrCreateKey(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not say %q and the path", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), hex.EncodeToString(key.Secret)) {
				t.Error("the error shows the secret")
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != damaged {
				t.Error("a refused key was replaced")
			}
		})
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	key := ledger.Key{ID: "0123456789abcdef", Secret: []byte("a secret that must not be printed")}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "key", key, "in", []any{key})
	encoded, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{key.String(), key.GoString(), log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, &key), fmt.Sprintf(verb, []ledger.Key{key}))
	}
	for _, text := range texts {
		for _, secret := range []string{"secret", hex.EncodeToString(key.Secret[:4]), "97 32 115", "0x61"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows the secret", text)
			}
		}
		if !strings.Contains(text, key.ID) {
			t.Errorf("%q does not show the id", text)
		}
	}
}
