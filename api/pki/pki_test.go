package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tls")
	must(t, NewCA(dir))
	return dir
}

// shake runs one real TLS connection over loopback TCP and returns what each end thought of it, after one byte each
// way: in TLS 1.3 a client learns that its certificate was refused only when it reads.
func shake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error, seen tls.ConnectionState) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	done := make(chan error, 1)
	go func() { // owned by this call; ends when the connection does
		c, err := l.Accept()
		if err != nil {
			done <- err
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		s := tls.Server(c, server)
		if err := s.Handshake(); err != nil {
			done <- err
			return
		}
		_, err = s.Write([]byte("x"))
		if err == nil {
			_, err = io.ReadFull(s, make([]byte, 1))
		}
		done <- err
	}()
	clientErr = func() error {
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		tc := tls.Client(c, client)
		if err := tc.Handshake(); err != nil {
			return err
		}
		if _, err := io.ReadFull(tc, make([]byte, 1)); err != nil {
			return err
		}
		seen = tc.ConnectionState()
		_, err = tc.Write([]byte("y"))
		return err
	}()
	return <-done, clientErr, seen
}

func withName(c *tls.Config, host string) *tls.Config {
	c = c.Clone()
	c.ServerName = host
	return c
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := newDir(t)
	must(t, IssueNode(dir, "n1"))
	must(t, IssueClient(dir, "ops"))
	ents, err := os.ReadDir(dir)
	must(t, err)
	if len(ents) != 6 {
		t.Fatalf("want 6 files (ca, n1, ops; no temporary left), got %v", ents)
	}
	for _, e := range ents {
		fi, err := e.Info()
		must(t, err)
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", e.Name(), fi.Mode().Perm())
		}
	}
	if err := NewCA(dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second CA in one directory: want os.ErrExist, got %v", err)
	}
	for _, name := range []string{"", "ca", "../x", "a/b", "N1", ".x", strings.Repeat("a", 64)} {
		if IssueNode(dir, name) == nil {
			t.Errorf("IssueNode(%q) must be refused", name)
		}
	}
	for _, host := range []string{"", "h:1", "a b", "x/y"} {
		if IssueNode(dir, "n2", host) == nil {
			t.Errorf("host %q must be refused", host)
		}
	}
}

func TestClientTrustsTheCAAndTheHostName(t *testing.T) {
	dir, other := newDir(t), newDir(t)
	must(t, IssueNode(dir, "n1", "chat.example", "127.0.0.1"))
	server, err := ServerConfig(dir, "n1")
	must(t, err)
	client, err := ClientConfig(certPath(dir, "ca"))
	must(t, err)
	foreign, err := ClientConfig(certPath(other, "ca"))
	must(t, err)

	old := withName(client, "chat.example")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for _, tc := range []struct {
		name   string
		client *tls.Config
		want   string
	}{
		{"by host name", withName(client, "chat.example"), ""},
		{"by address", withName(client, "127.0.0.1"), ""},
		{"wrong host", withName(client, "evil.example"), "not evil.example"},
		{"wrong CA", withName(foreign, "chat.example"), "unknown authority"},
		{"TLS 1.2", old, "protocol version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err, seen := shake(t, server, tc.client)
			if tc.want == "" {
				must(t, err)
				if seen.Version != tls.VersionTLS13 {
					t.Fatalf("version %x, want TLS 1.3", seen.Version)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("want an error with %q, got %v", tc.want, err)
			}
		})
	}
}

func TestPeersProveWhichNodeTheyAre(t *testing.T) {
	dir, other := newDir(t), newDir(t)
	must(t, IssueNode(dir, "n1"))
	must(t, IssueNode(dir, "n2"))
	must(t, IssueClient(dir, "ops"))
	must(t, IssueNode(other, "n2"))
	server, _, err := PeerConfigs(dir, "n1")
	must(t, err)
	_, client, err := PeerConfigs(dir, "n2")
	must(t, err)
	_, stranger, err := PeerConfigs(other, "n2")
	must(t, err)
	user, err := ClientCertConfig(certPath(dir, "ca"), certPath(dir, "ops"), keyPath(dir, "ops"))
	must(t, err)
	bare, err := ClientConfig(certPath(dir, "ca"))
	must(t, err)
	opsPair, err := loadPair(certPath(dir, "ops"), keyPath(dir, "ops"))
	must(t, err)
	opsServer := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*opsPair}}
	stranger2, _, err := PeerConfigs(other, "n2")
	must(t, err)

	t.Run("two nodes", func(t *testing.T) {
		serr, cerr, seen := shake(t, server, client)
		must(t, serr)
		must(t, cerr)
		if name, err := NodeName(seen.PeerCertificates[0]); err != nil || name != "n1" {
			t.Fatalf("peer is %q, %v; want n1", name, err)
		}
	})
	for _, tc := range []struct {
		name           string
		server, client *tls.Config
		want           string // in either end's error
	}{
		{"client certificate as a node", server, withName(user, "localhost"), "not a node's"},
		{"no certificate", server, withName(bare, "localhost"), "didn't provide a certificate"},
		{"node of another CA dials", server, stranger, "unknown authority"},
		{"node of another CA listens", stranger2, client, "unknown authority"},
		{"client certificate as a server", opsServer, client, "incompatible key usage"},
		{"client certificate as a server to a user", opsServer, withName(bare, "ops"), "certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			serr, cerr, _ := shake(t, tc.server, tc.client)
			if err := errors.Join(serr, cerr); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("want a refusal with %q, got %v", tc.want, err)
			}
		})
	}
}

func TestNodeNameRefusesLookalikes(t *testing.T) {
	dir := newDir(t)
	for _, kind := range []string{"client", "nodes", "n1"} {
		must(t, issue(dir, "x", leaf{kind: kind, now: time.Now()}))
		certs, err := readCerts(certPath(dir, "x"))
		must(t, err)
		if name, err := NodeName(certs[0]); !errors.Is(err, ErrNotANode) {
			t.Errorf("%s gave name %q, %v; want ErrNotANode", certs[0].URIs[0], name, err)
		}
	}
	if _, err := NodeName(&x509.Certificate{}); !errors.Is(err, ErrNotANode) {
		t.Errorf("no URI: got %v", err)
	}
}

func TestMutualServerAsksForACertificate(t *testing.T) {
	dir, other := newDir(t), newDir(t)
	must(t, IssueNode(dir, "n1"))
	must(t, IssueClient(dir, "ops"))
	must(t, IssueClient(other, "ops"))
	server, err := MutualServerConfig(dir, "n1")
	must(t, err)
	good, err := ClientCertConfig(certPath(dir, "ca"), certPath(dir, "ops"), keyPath(dir, "ops"))
	must(t, err)
	bad, err := ClientCertConfig(certPath(dir, "ca"), certPath(other, "ops"), keyPath(other, "ops"))
	must(t, err)
	serr, cerr, _ := shake(t, server, withName(good, "localhost"))
	must(t, errors.Join(serr, cerr))
	for name, c := range map[string]*tls.Config{"another CA's": bad} {
		if serr, _, _ := shake(t, server, withName(c, "localhost")); serr == nil {
			t.Errorf("%s certificate was accepted", name)
		}
	}
	bare, err := ClientConfig(certPath(dir, "ca"))
	must(t, err)
	if serr, _, _ := shake(t, server, withName(bare, "localhost")); serr == nil {
		t.Error("a client without a certificate was accepted")
	}
}

func TestExpiredAndFutureCertificatesAreRefused(t *testing.T) {
	for name, at := range map[string]time.Time{
		"expired": time.Now().Add(-leafLifetime - time.Hour),
		"future":  time.Now().Add(backdate + time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			must(t, IssueNode(dir, "n2"))
			must(t, issue(dir, "n1", leaf{kind: "node", now: at}))
			if _, err := ServerConfig(dir, "n1"); err == nil || !strings.Contains(err.Error(), "expired or is not yet valid") {
				t.Fatalf("the node itself must say so, got %v", err)
			}
			pair, err := loadPair(certPath(dir, "n1"), keyPath(dir, "n1"))
			must(t, err)
			raw := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*pair}}
			user, err := ClientConfig(certPath(dir, "ca"))
			must(t, err)
			if _, err, _ := shake(t, raw, withName(user, "localhost")); err == nil {
				t.Error("a user's client accepted it")
			}
			server, client, err := PeerConfigs(dir, "n2")
			must(t, err)
			if _, err, _ := shake(t, raw, client); err == nil {
				t.Error("a dialling peer accepted it")
			}
			dial := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: raw.Certificates, InsecureSkipVerify: true}
			if err, _, _ := shake(t, server, dial); err == nil {
				t.Error("a listening peer accepted it")
			}
		})
	}
}

func TestWrongFilesAreNamedAtStart(t *testing.T) {
	dir, other := newDir(t), newDir(t)
	must(t, IssueNode(dir, "n1"))
	must(t, IssueClient(dir, "ops"))
	must(t, IssueNode(other, "n1"))
	if _, err := ServerConfig(dir, "n2"); err == nil || !strings.Contains(err.Error(), "parley certs node n2") {
		t.Errorf("a missing pair: want the command that makes it, got %v", err)
	}
	if _, err := ServerConfig(dir, "ops"); err == nil || !strings.Contains(err.Error(),
		"not the certificate of node ops") {
		t.Errorf("a client's pair on a node: got %v", err)
	}
	b, err := os.ReadFile(certPath(other, "n1"))
	must(t, err)
	must(t, os.WriteFile(certPath(dir, "n1"), b, 0o600))
	if _, err := ServerConfig(dir, "n1"); err == nil {
		t.Error("a certificate without its key was accepted")
	}
	if _, err := ClientConfig(certPath(dir, "ops")); err == nil || !strings.Contains(err.Error(), "no CA") {
		t.Errorf("a leaf given as the CA: got %v", err)
	}
}

// TestRenewedFilesServeTheNextHandshake keeps invariant 4: renewal and a CA change by bundle, without a restart.
func TestRenewedFilesServeTheNextHandshake(t *testing.T) {
	dir, next := newDir(t), newDir(t)
	must(t, IssueNode(dir, "n1"))
	src, err := newSource(dir, "n1")
	must(t, err)
	now := time.Now()
	src.now = func() time.Time { return now } // hold the poll still and step it
	server := serverConfig(src)
	user, err := ClientConfig(certPath(dir, "ca"))
	must(t, err)
	user = withName(user, "localhost")
	serial := func() string {
		t.Helper()
		_, err, seen := shake(t, server, user)
		must(t, err)
		return seen.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	must(t, IssueNode(dir, "n1"))
	if serial() != first {
		t.Fatal("files were read again within the poll interval")
	}
	now = now.Add(2 * reloadEvery)
	second := serial()
	if second == first {
		t.Fatal("the renewed certificate was not served")
	}

	must(t, os.WriteFile(keyPath(dir, "n1"), []byte("garbage"), 0o600))
	now = now.Add(2 * reloadEvery)
	if serial() != second {
		t.Fatal("a broken file replaced a good one")
	}
	must(t, IssueNode(dir, "n1"))
	now = now.Add(2 * reloadEvery)
	if s := serial(); s == second {
		t.Fatal("the repaired pair was not served")
	}

	// A CA is replaced by trusting both for a while.
	oldCA, err := os.ReadFile(certPath(dir, "ca"))
	must(t, err)
	newCA, err := os.ReadFile(certPath(next, "ca"))
	must(t, err)
	must(t, IssueNode(next, "n2"))
	must(t, os.WriteFile(certPath(next, "ca"), append(append([]byte{}, newCA...), oldCA...), 0o600))
	_, client, err := PeerConfigs(next, "n2")
	must(t, err)
	peer := serverConfig(src)
	peer.ClientAuth = tls.RequireAnyClientCert
	peer.VerifyConnection = func(cs tls.ConnectionState) error {
		return verifyNode(cs, src.get().roots, x509.ExtKeyUsageClientAuth)
	}
	if err, _, _ := shake(t, peer, client); err == nil {
		t.Fatal("a node of the new CA was accepted before the old nodes trust it")
	}
	must(t, os.WriteFile(certPath(dir, "ca"), append(append([]byte{}, oldCA...), newCA...), 0o600))
	now = now.Add(2 * reloadEvery)
	serr, cerr, _ := shake(t, peer, client)
	must(t, errors.Join(serr, cerr))
}

func TestInspectAndNotAfter(t *testing.T) {
	dir := newDir(t)
	must(t, IssueNode(dir, "n1", "Chat.Example", "::1"))
	i, err := Inspect(certPath(dir, "n1"))
	must(t, err)
	if i.URI != "parley://node/n1" || strings.Join(i.Hosts, " ") != "chat.example ::1" || i.CA {
		t.Fatalf("got %+v", i)
	}
	cfg, err := ServerConfig(dir, "n1")
	must(t, err)
	if !NotAfter(cfg).Equal(i.NotAfter) {
		t.Fatalf("NotAfter %v, want %v", NotAfter(cfg), i.NotAfter)
	}
	if !NotAfter(nil).IsZero() {
		t.Fatal("no configuration has an end")
	}
}
