package segment

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func dataSync(file *os.File) error {
	for {
		err := unix.Fdatasync(int(file.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
