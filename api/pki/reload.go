package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// material is one consistent set of what a TLS end needs. Immutable once published.
type material struct {
	cert  *tls.Certificate
	roots *x509.CertPool
}

// source hands out the material of one node and looks for renewed files when a handshake asks, at most once a second.
// It has no goroutine. Safe for concurrent use.
type source struct {
	dir, name string

	mu      sync.Mutex
	cur     *material
	stamps  [3]stamp
	checked time.Time
	every   time.Duration
	now     func() time.Time
}

type stamp struct {
	mod  time.Time
	size int64
}

// newSource loads once and fails when the files are not what the node needs, so that a mistake shows at start.
func newSource(dir, name string) (*source, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s := &source{dir: dir, name: name, every: reloadEvery, now: time.Now}
	stamps, err := s.stat()
	if err != nil {
		return nil, fmt.Errorf("%w; `parley certs node %s` makes it", err, name)
	}
	m, err := s.load()
	if err != nil {
		return nil, err
	}
	s.cur, s.stamps, s.checked = m, stamps, s.now()
	return s, nil
}

// get returns the newest material that loads.
func (s *source) get() *material {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.checked) < s.every {
		return s.cur
	}
	s.checked = now
	// The stamps are taken before the files are read: a file replaced in between has a newer stamp and is read again at
	// the next check. A pair caught between its two renames does not match, keeps the old one and is tried again too.
	stamps, err := s.stat()
	if err != nil {
		slog.Warn("certificate files cannot be read; the last good ones stay in use",
			"dir", s.dir, "node", s.name, "err", err)
		return s.cur
	}
	if stamps == s.stamps {
		return s.cur
	}
	m, err := s.load()
	if err != nil {
		slog.Warn("changed certificate files do not load; the last good ones stay in use",
			"dir", s.dir, "node", s.name, "err", err)
		return s.cur
	}
	slog.Info("certificates reloaded", "dir", s.dir, "node", s.name, "not_after", m.cert.Leaf.NotAfter)
	s.cur, s.stamps = m, stamps
	return m
}

func (s *source) paths() [3]string {
	return [3]string{filepath.Join(s.dir, "ca.crt"), certPath(s.dir, s.name), keyPath(s.dir, s.name)}
}

func (s *source) stat() (st [3]stamp, err error) {
	for i, p := range s.paths() {
		fi, err := os.Stat(p)
		if err != nil {
			return st, err
		}
		st[i] = stamp{fi.ModTime(), fi.Size()}
	}
	return st, nil
}

// load reads and checks: a node that would be refused by every peer should hear why from itself.
func (s *source) load() (*material, error) {
	paths := s.paths()
	roots, err := loadRoots(paths[0])
	if err != nil {
		return nil, err
	}
	cert, err := loadPair(paths[1], paths[2])
	if err != nil {
		return nil, err
	}
	if name, err := NodeName(cert.Leaf); err != nil || name != s.name {
		return nil, fmt.Errorf("%s: is not the certificate of node %s; `parley certs node %s` makes one",
			paths[1], s.name, s.name)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}, CurrentTime: s.now(),
		})
		if err != nil {
			return nil, fmt.Errorf("%s: peers would refuse it: %w; renew it with `parley certs node %s`", paths[1], err, s.name)
		}
	}
	if left := cert.Leaf.NotAfter.Sub(s.now()); left < warnBefore {
		slog.Warn("certificate ends soon; renew it, no restart is needed",
			"file", paths[1], "not_after", cert.Leaf.NotAfter, "days", int(left.Hours()/24))
	}
	return &material{cert: cert, roots: roots}, nil
}

func loadRoots(path string) (*x509.CertPool, error) {
	certs, err := readCerts(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		if !c.IsCA {
			return nil, fmt.Errorf("%s: holds a certificate that is no CA (%s)", path, c.Subject.CommonName)
		}
		pool.AddCert(c)
	}
	return pool, nil
}

func loadPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, err := readFile(certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readFile(keyFile)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
	}
	return &cert, nil
}
