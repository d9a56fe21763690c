package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"parley/api"
	"parley/api/pki"
	"parley/node"
	"parley/search"
)

// server is one running node with everything around it. Its goroutines are the three servers' accept loops; each ends when
// its server is stopped, and wg waits for them.
type server struct {
	log   *slog.Logger
	node  *node.Node
	index *search.Index
	api   *api.Server
	chat  *grpc.Server // the client port
	admin *grpc.Server // the socket in the data directory
	http  *http.Server // /livez /readyz /metrics; nil without --admin-listen
	wg    sync.WaitGroup
	// failed gets the error of an accept loop that ended by itself.
	failed chan error
}

// serve runs a node until a signal, or until it cannot go on. The order of the start: listen, so that a port in use is told
// before anything is written; open the data directory; form or join the cluster; serve.
func (a *app) serve(o serveOptions) error {
	log, err := a.newLogger(o.logLevel)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, endSignals()...)
	defer signal.Stop(signals)

	l, err := listen(o)
	if err != nil {
		return err
	}
	defer l.close()
	s := &server{log: log.With("node", o.name), failed: make(chan error, 3)}
	registry := prometheus.NewRegistry()
	health := &adminHandler{}
	if l.admin != nil {
		s.http = &http.Server{Handler: health, ReadHeaderTimeout: adminTimeout, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
		s.run(func() error { return s.http.Serve(l.admin) })
		defer func() { _ = s.http.Close() }()
	}
	if err := s.startNode(o, l, log, registry, signals); err != nil {
		return err
	}
	clientTLS, notAfter, err := o.clientTLS()
	if err != nil {
		return errors.Join(err, s.node.Stop(context.Background()))
	}
	s.index, err = search.Open(search.Options{
		Dir: filepath.Join(o.data, searchDir), Store: s.node.Store(), Logger: s.log, Registerer: registry,
	})
	if err != nil {
		return errors.Join(err, s.node.Stop(context.Background()))
	}
	s.api = api.New(s.node, s.node.Store(), api.Options{
		Logger: log, Registry: registry, Version: version(), Profile: o.profile, CertNotAfter: notAfter,
		Search: s.index,
	})
	health.set(s.api.AdminHandler())
	if err := s.startServices(o, l, clientTLS); err != nil {
		s.api.Drain()
		s.index.Close()
		return errors.Join(err, s.node.Stop(context.Background()))
	}
	s.log.Info("serving", "address", o.advertise, "peer_address", o.peerAdvertise, "data", o.data, "version", version(),
		"tls", clientTLS != nil)
	return s.untilEnd(signals)
}

// startNode returns when the node takes part, with an error when a signal came first: a first start may wait for long.
func (s *server) startNode(
	o serveOptions, l *listeners, log *slog.Logger, registry *prometheus.Registry, signals <-chan os.Signal,
) error {
	var peerServer, peerClient *tls.Config
	if o.tlsDir != "" {
		var err error
		if peerServer, peerClient, err = pki.PeerConfigs(o.tlsDir, o.name); err != nil {
			return tlsError(o, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type started struct {
		n   *node.Node
		err error
	}
	done := make(chan started, 1)
	// Owned by this call, which waits for it.
	go func() {
		n, err := node.Start(ctx, node.Config{
			Name: o.name, Dir: o.data, Address: o.advertise, PeerAddress: o.peerAdvertise, PeerListener: l.peer,
			FirstMembers: o.members, Join: o.join, PeerServerTLS: peerServer, PeerClientTLS: peerClient,
			Logger: log, Registerer: registry, SoftwareVersion: version(),
		})
		done <- started{n, err}
	}()
	for {
		select {
		case r := <-done:
			if ctx.Err() != nil {
				if r.n == nil {
					return errNoPart
				}
				// The start won the race against the signal. It must not be forgotten: nobody sends it twice.
				return errors.Join(errNoPart, r.n.Stop(context.Background()))
			}
			if r.err != nil {
				return &failure{code: exitFailed, message: "node " + o.name + " cannot start: " + r.err.Error()}
			}
			s.node = r.n
			return nil
		case <-signals:
			if ctx.Err() != nil {
				return errNoPart // the second signal: now
			}
			cancel()
		}
	}
}

// errNoPart ends a start that a signal came before.
var errNoPart = &failure{code: exitFailed, message: "interrupted before the node took part in its cluster"}

// startServices opens the client port and the admin socket.
func (s *server) startServices(o serveOptions, l *listeners, clientTLS *tls.Config) error {
	options := s.api.ServerOptions(false)
	if clientTLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(clientTLS)))
	}
	s.chat = grpc.NewServer(options...)
	s.api.Register(s.chat)
	s.admin = grpc.NewServer(s.api.ServerOptions(true)...)
	s.api.Register(s.admin)

	path, release, err := shortSocketPath(filepath.Join(o.data, adminSocket))
	if err != nil {
		return err
	}
	socket, err := api.ListenAdmin(path)
	if err != nil {
		release()
		return err
	}
	s.run(func() error {
		defer release()
		return s.admin.Serve(socket)
	})
	s.run(func() error { return s.chat.Serve(s.api.Listener(l.client)) })
	return nil
}

// run owns one accept loop.
func (s *server) run(serve func() error) {
	s.wg.Go(func() {
		if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
			s.failed <- err
		}
	})
}

// untilEnd waits for a signal, or for the node to stop by itself, and ends everything.
func (s *server) untilEnd(signals <-chan os.Signal) error {
	var why error
	select {
	case sig := <-signals:
		s.log.Info("draining", "signal", sig.String())
	case why = <-s.failed:
		s.log.Error("a listener failed, draining", "err", why)
	case <-s.node.Done():
		why = s.node.Err()
		if why == nil {
			why = errors.New("the node stopped")
		}
		s.api.Drain()
		s.chat.Stop()
		s.admin.Stop()
		s.index.Close()
		s.end()
		return &failure{code: exitFailed, message: "the node stopped: " + why.Error()}
	}
	drained := make(chan error, 1)
	// Owned by this call: it waits for it, or ends the process.
	go func() { drained <- s.drain() }()
	select {
	case err := <-drained:
		s.log.Info("stopped")
		return errors.Join(why, err)
	case sig := <-signals:
		s.log.Warn("stopping now, without draining", "signal", sig.String())
		return &failure{code: exitFailed, message: "stopped before everything was drained"}
	}
}

// drain takes the node out of service without a failed request: readiness first, then the streams, then leadership, then
// the calls under way, then the disk.
func (s *server) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	s.api.Drain()
	if err := s.node.HandOver(ctx); err != nil {
		s.log.Warn("leadership was not handed over", "err", err)
	}
	finished := make(chan struct{})
	// Owned by this call, which waits for it: Stop ends GracefulStop.
	go func() {
		defer close(finished)
		s.chat.GracefulStop()
		s.admin.GracefulStop()
	}()
	select {
	case <-finished:
	case <-ctx.Done():
		s.log.Warn("some calls did not end in time, closing their connections")
		s.chat.Stop()
		s.admin.Stop()
		<-finished
	}
	s.index.Close() // it reads the store
	err := s.node.Stop(ctx)
	s.end()
	return err
}

func (s *server) end() {
	if s.http != nil {
		_ = s.http.Close()
	}
	s.wg.Wait()
}

// newLogger writes JSON for machines and text for a person at a terminal.
func (a *app) newLogger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError("--log-level %q: choose debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l}
	if a.errTTY {
		return slog.New(slog.NewTextHandler(a.err, options)), nil
	}
	return slog.New(slog.NewJSONHandler(a.err, options)), nil
}

// endSignals leave SIGHUP alone when nohup said so.
func endSignals() []os.Signal {
	s := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		s = append(s, syscall.SIGHUP)
	}
	return s
}
