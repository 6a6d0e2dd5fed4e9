package segment

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// diskFile is a segment file on a disk.
type diskFile struct{ *os.File }

// openFile opens a file for writing, making it with mode 0600 if it is missing.
func openFile(path string) (writable, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, err
	}
	return diskFile{file}, nil
}

// Sync makes the content durable. The length of the file is part of that, its
// times are not.
func (f diskFile) Sync() error { return dataSync(f.File) }

// syncDir makes a new name in path's folder durable.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be opened for that there
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// isTail reports whether nothing that could be a frame begins behind offset:
// then what is there is the torn end of the file, and not damage before
// entries that were acknowledged.
func isTail(file io.ReaderAt, offset, size int64) (bool, error) {
	next, err := behind(file, offset, size)
	return next < 0, err
}

// behind returns where the first frame of entries behind offset begins; negative:
// there is none.
func behind(file io.ReaderAt, offset, size int64) (int64, error) {
	const window = 1 << 20
	rest := make([]byte, min(size-offset, maxFrame))
	if n, err := file.ReadAt(rest, offset); err != nil && !(errors.Is(err, io.EOF) && n == len(rest)) {
		return -1, err
	}
	for i := 1; i+frameHead <= len(rest); i++ {
		n := int64(binary.LittleEndian.Uint32(rest[i:]))
		k := kind(rest[i+8])
		if n == 0 || n > int64(len(rest)-i-frameHead) || k != frameRows && k != frameOther || i > window && n > window {
			continue
		}
		end := i + frameHead + int(n)
		if frameSum(rest[i:i+4], rest[i+8:end]) == binary.LittleEndian.Uint32(rest[i+4:]) {
			return offset + int64(i), nil
		}
	}
	return -1, nil
}
