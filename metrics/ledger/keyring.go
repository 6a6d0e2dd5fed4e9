package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// retiredPattern is the name of a retired key's file: KeyFile, a point, its id.
var retiredPattern = regexp.MustCompile(`^` + regexp.QuoteMeta(KeyFile) + `\.([0-9a-f]{16})$`)

// tenantsFolder is where the keys of tenants are, in a folder for each.
const tenantsFolder = "tenants"

// TenantDir is the folder of a tenant's keys inside the data directory.
func TenantDir(dir, tenant string) string { return filepath.Join(dir, tenantsFolder, tenant) }

// LoadOrCreateTenantKey returns the key of a tenant, creating it when the tenant has
// none: with the secret of the gateway's own key for digests, because one gateway
// counts for all, and one of its own for rows. A folder without a key is refused: it
// had one.
func LoadOrCreateTenantKey(dir, tenant string, own Key) (Key, error) {
	folder := TenantDir(dir, tenant)
	key, err := LoadKey(folder)
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(folder); statErr == nil {
			return Key{}, fmt.Errorf("the ledger key %s of tenant %s is missing: restore it from a backup; or, to give up the rows that it sealed, remove the folder", filepath.Join(folder, KeyFile), tenant)
		}
		if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
			return Key{}, fmt.Errorf("create the ledger key of tenant %s: %w: give the gateway's user write access to data_dir", tenant, err)
		}
		if err := createTenant(folder, newKey(own.Secret, NewSecret())); err != nil {
			return Key{}, fmt.Errorf("create the ledger key of tenant %s: %w: give the gateway's user write access to data_dir", tenant, err)
		}
		key, err = LoadKey(folder)
	}
	if err != nil {
		return Key{}, err
	}
	key.Tenant = tenant
	return key, nil
}

// createTenant makes a tenant's folder with a key in it, whole or not at all.
func createTenant(folder string, key Key) error {
	fresh, err := os.MkdirTemp(filepath.Dir(folder), ".new-*") // mode 0700
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if err := createFile(fresh, KeyFile, key.text()); err != nil {
		return err
	}
	return errors.Join(os.Rename(fresh, folder), syncDir(filepath.Dir(folder)))
}

// LoadKeys returns the present key, then the retired ones by id, which older
// rows are sealed with, then those of tenants in the same way. It refuses what
// [LoadKey] refuses, of any of them.
func LoadKeys(dir string) ([]Key, error) {
	keys, err := loadKeys(dir)
	if err != nil {
		return nil, err
	}
	tenants, err := os.ReadDir(filepath.Join(dir, tenantsFolder)) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for ledger keys of tenants: %w", err)
	}
	for _, tenant := range tenants {
		if strings.HasPrefix(tenant.Name(), ".") {
			continue
		}
		own, err := loadKeys(TenantDir(dir, tenant.Name()))
		if err != nil {
			return nil, err
		}
		for _, key := range own {
			key.Tenant = tenant.Name()
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// loadKeys returns the keys in one folder.
func loadKeys(dir string) ([]Key, error) {
	present, err := LoadKey(dir)
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("look for retired ledger keys: %w", err)
	}
	keys := []Key{present}
	for _, file := range files {
		if !retiredPattern.MatchString(file.Name()) {
			continue
		}
		key, err := loadKey(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.ID == key.ID }) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// RotateKey makes a new present key in dir and retires the one before, which
// stays beside it, so that reports reach rows of both. At every moment the
// present key is there whole. With no digests the new key makes the same ones: a
// running gateway takes it as soon as it sees it. Otherwise they are the secret that
// makes them: whoever calls it so sees to it that no gateway runs, and that all
// tenants get the same.
func RotateKey(dir string, digests []byte) (before, now Key, err error) {
	if before, err = LoadKey(dir); err != nil {
		return before, now, err
	}
	err = createFile(dir, KeyFile+"."+before.ID, before.text())
	if err != nil && !errors.Is(err, fs.ErrExist) { // it exists after a rotation that was interrupted
		return before, now, fmt.Errorf("retire ledger key %s: %w", before.ID, err)
	}
	secret := before.Secret
	if digests != nil {
		secret = digests
	}
	now = newKey(secret, NewSecret())
	fresh := KeyFile + ".next"
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, fresh)), createFile(dir, fresh, now.text())); err != nil {
		return before, now, fmt.Errorf("make the new ledger key: %w", err)
	}
	if err := errors.Join(os.Rename(filepath.Join(dir, fresh), filepath.Join(dir, KeyFile)), syncDir(dir)); err != nil {
		return before, now, fmt.Errorf("make the new ledger key the present one: %w", err)
	}
	return before, now, nil
}

// DestroyKey destroys a retired key for good: the rows that were digested with it
// are anonymous from then on, wherever no copy of the key is left. The present
// key cannot be destroyed; rotate first.
func DestroyKey(dir, id string) error {
	present, err := LoadKey(dir)
	if err != nil {
		return err
	}
	if present.ID == id {
		return fmt.Errorf("ledger key %s is the present one: rotate first, then destroy it", id)
	}
	if present.Digests() == id {
		return fmt.Errorf("ledger key %s makes the digests of the present key, too: rotate with --anew first, then destroy it", id)
	}
	path := filepath.Join(dir, KeyFile+"."+id)
	if !retiredPattern.MatchString(filepath.Base(path)) {
		return fmt.Errorf("ledger key %q: want an id of 16 hexadecimal characters", id)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // matches the pattern
	if err != nil {
		return fmt.Errorf("destroy ledger key %s: %w", id, err)
	}
	// Overwritten first: a file system that writes in place keeps nothing of it.
	_, err = file.WriteAt(make([]byte, 512), 0)
	if err = errors.Join(err, file.Sync(), file.Close(), os.Remove(path)); err != nil {
		return fmt.Errorf("destroy ledger key %s: %w", id, err)
	}
	return syncDir(dir)
}

// text is the content of the key's file.
func (k Key) text() string {
	if k.rows == nil {
		return fmt.Sprintf("%s %s %s\n", plainHeader, k.ID, hex.EncodeToString(k.Secret))
	}
	return fmt.Sprintf("%s %s %s %s\n", keyHeader, k.ID, hex.EncodeToString(k.Secret), hex.EncodeToString(k.rows))
}

// ExportKey writes a key's file to path (mode 0600, never replacing one), for
// escrow: whoever has it can test guesses against the ledger.
func ExportKey(dir, id, path string) error {
	keys, err := LoadKeys(dir)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.ID == id || id == "" && key.ID == keys[0].ID {
			if err := createFile(filepath.Dir(path), filepath.Base(path), key.text()); err != nil {
				return fmt.Errorf("export ledger key %s to %s: %w", key.ID, path, err)
			}
			return nil
		}
	}
	return fmt.Errorf("no ledger key %q among the %d of this data_dir: `ordergate ledger key list` shows them", id, len(keys))
}
