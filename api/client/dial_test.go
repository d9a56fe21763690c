package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// selfSigned makes a certificate for one IP address, and the pool that trusts it.
func selfSigned(t *testing.T, ip string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(ip)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Each node is verified against the host of its own address, also a learned one.
func TestTLS(t *testing.T) {
	cert, roots := selfSigned(t, "127.0.0.1")
	_, strangers := selfSigned(t, "127.0.0.1")
	fc := newFakeCluster(t, 2, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13,
	})))
	c := dial(t, Options{
		Servers: fc.addrs()[:1], Token: make([]byte, TokenBytes), TLS: &tls.Config{RootCAs: roots},
	})
	awaitAll(t, c, 2)
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}

	c = dial(t, Options{Servers: fc.addrs(), TLS: &tls.Config{RootCAs: strangers}, NoQuorumWait: time.Millisecond})
	_, err := send(ctxFor(t), c, "x")
	if e := asError(t, err); e.Outcome != NotApplied || !strings.Contains(e.Error(), "certificate") {
		t.Fatalf("got %+v, want not applied, and a word on the certificate", *e)
	}
}

// The admin socket: no session, and leader and members are asked for all the same.
func TestUnixSocket(t *testing.T) {
	fc := newFakeCluster(t, 1)
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	fc.nodes[0].kill()
	fc.open = true
	fc.nodes[0].serve(l)
	c := dial(t, Options{Servers: []string{"unix:" + path}, OnlyServers: true})
	await(t, c, "the leader", func(s State) bool { return s.Phase == Ready && s.Leader == "n1" && s.Node == "n1" })
	if _, err := send(ctxFor(t), c, "x"); err != nil {
		t.Fatal(err)
	}
}
