//go:build !linux

package segment

import "os"

func dataSync(file *os.File) error { return file.Sync() }
