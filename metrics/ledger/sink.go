package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
)

// LogSink writes checkpoints as lines of a log, whose attribute "note" is the
// signed text.
func LogSink(log *slog.Logger) Sink { return logSink{log} }

type logSink struct{ log *slog.Logger }

func (logSink) Name() string { return "log" }

func (s logSink) Put(ctx context.Context, c Checkpoint) error {
	s.log.InfoContext(ctx, "ledger checkpoint", "entries", c.Size, "row", c.Row, "note", c.Note)
	return nil
}

// FileSink appends checkpoints to a file, made with mode 0600 if it is missing
// and opened anew for each, so that it may be rotated or be on another machine.
func FileSink(path string) Sink { return fileSink(path) }

type fileSink string

func (fileSink) Name() string { return "file" }

func (s fileSink) Put(_ context.Context, c Checkpoint) error {
	file, err := os.OpenFile(string(s), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("%w: name a file that the gateway may append to in ledger.checkpoints.file", err)
	}
	_, err = file.WriteString(c.Note + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

// HTTPSink posts checkpoints as text/plain. Any status but 2xx is an error; a
// redirect is not followed.
func HTTPSink(url string) Sink {
	return &httpSink{url: url, client: http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
	}}
}

type httpSink struct {
	url    string
	client http.Client
}

func (*httpSink) Name() string { return "http" }

func (s *httpSink) Put(ctx context.Context, c Checkpoint) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(c.Note))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 != 2 {
		err = fmt.Errorf("POST was answered with %s: want 2xx", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
