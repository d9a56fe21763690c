package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AdminHandler is for an own address that only operators reach: /livez (the process answers), /readyz (this node
// serves; 503 with the reasons, also while it drains), /metrics, and /debug/pprof where Options.Profile says so.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.opts.Registry, promhttp.HandlerOpts{
		Registry: s.opts.Registry, MaxRequestsInFlight: 4,
	}))
	if s.opts.Profile {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	var why []string
	st := s.replica.Status()
	if s.draining() {
		why = append(why, "draining")
	}
	if !st.Quorum {
		why = append(why, "no leader with a quorum")
	}
	if !st.CaughtUp {
		why = append(why, "not caught up")
	}
	if len(why) > 0 {
		http.Error(w, "not ready: "+strings.Join(why, ", "), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// maxSocketPath is what a Unix socket's address holds on Linux; a BSD has 4 bytes less.
const maxSocketPath = 103

// ListenAdmin makes the admin socket at path with mode 0600, replacing the one that a killed process left. The caller
// owns the data directory, so no live process can hold it. The socket gets its mode in a private directory and is
// renamed into place, because between listen and chmod anybody could connect.
func ListenAdmin(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s") // MkdirTemp makes it 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, "s")
	if len(path) > maxSocketPath || len(tmp) > maxSocketPath {
		return nil, fmt.Errorf("admin socket %s: the path is longer than %d bytes; use a shorter data directory", path,
			maxSocketPath)
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("admin socket %s: something else is there; move it away", path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would unlink the temporary name
	if err := errors.Join(os.Chmod(tmp, 0o600), os.Rename(tmp, path)); err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socketListener{UnixListener: l, path: path}, nil
}

// socketListener removes the socket under its final name.
type socketListener struct {
	*net.UnixListener
	path string
}

func (l *socketListener) Close() error {
	err := l.UnixListener.Close()
	if err == nil {
		_ = os.Remove(l.path)
	}
	return err
}
