package port

import (
	"context"
	"errors"
	"net"
	"testing"
)

// TestFree: the address can be listened on, and is below all that a listener on
// port 0 is given.
func TestFree(t *testing.T) {
	below, all := reserved()
	for range 50 {
		address, err := Free(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		free, err := net.Listen("tcp", address) //nolint:noctx // closed at once
		if err != nil {
			t.Fatal(err)
		}
		given, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			t.Fatal(err)
		}
		if a, b := free.Addr().(*net.TCPAddr).Port, given.Addr().(*net.TCPAddr).Port; a >= below || all && b < below {
			t.Errorf("port %d; the system gave %d", a, b)
		}
		free.Close()  //nolint:errcheck // a test's own
		given.Close() //nolint:errcheck // likewise
	}
}

// TestTaken: what somebody listens on is not free, whichever the protocol.
func TestTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed with the test
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                                        //nolint:errcheck // a test's own
	packets, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // likewise
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close() //nolint:errcheck // likewise
	for _, address := range []string{l.Addr().String(), packets.LocalAddr().String()} {
		if try(t.Context(), address) == nil {
			t.Errorf("%s is taken", address)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Free(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
