package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// NewCA makes a certificate authority in dir, which is created 0700 when it is missing. It never replaces one:
// os.ErrExist.
func NewCA(dir string) error { return newCA(dir, time.Now()) }

func newCA(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, path := range []string{keyPath(dir, "ca"), certPath(dir, "ca")} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s: %w; a second CA would lock out every node of the first, use another directory",
				path, os.ErrExist)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "parley cluster CA"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	return writePair(dir, "ca", der, key)
}

// IssueNode makes, or renews with a fresh key, the pair of the node called name. hosts are the DNS names and IP
// addresses under which clients reach it; none means this machine alone.
func IssueNode(dir, name string, hosts ...string) error {
	return issue(dir, name, leaf{kind: "node", hosts: hosts, now: time.Now()})
}

// IssueClient makes, or renews, a pair for a client of a cluster that asks clients for certificates
// (MutualServerConfig). It is not a session: users still log in.
func IssueClient(dir, name string) error {
	return issue(dir, name, leaf{kind: "client", now: time.Now()})
}

// leaf is what differs between the certificates that a CA signs.
type leaf struct {
	kind  string // "node" or "client"; the host of the URI SAN
	hosts []string
	now   time.Time
}

func issue(dir, name string, l leaf) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(l.hosts) > maxHosts {
		return fmt.Errorf("certificate of %s: %d hosts, at most %d", name, len(l.hosts), maxHosts)
	}
	caCert, caKey, err := loadCA(dir)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             l.now.Add(-backdate),
		NotAfter:              l.now.Add(leafLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{{Scheme: "parley", Host: l.kind, Path: "/" + name}},
	}
	if l.kind == "node" {
		tmpl.ExtKeyUsage = append(tmpl.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		if len(l.hosts) == 0 {
			l.hosts = []string{"localhost", "127.0.0.1", "::1"}
		}
		if err := addHosts(tmpl, l.hosts); err != nil {
			return fmt.Errorf("certificate of %s: %w", name, err)
		}
	}
	if tmpl.NotAfter.After(caCert.NotAfter) {
		tmpl.NotAfter = caCert.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, caCert, key.Public(), caKey)
	if err != nil {
		return err
	}
	return writePair(dir, name, der, key)
}

func addHosts(tmpl *x509.Certificate, hosts []string) error {
	for _, h := range hosts {
		if ip := net.ParseIP(strings.Trim(h, "[]")); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
			continue
		}
		if h == "" || len(h) > 253 || strings.ContainsAny(h, ":/ \t\r\n@") {
			return fmt.Errorf("host %q: give a DNS name or an IP address, without a port", h)
		}
		tmpl.DNSNames = append(tmpl.DNSNames, strings.ToLower(h))
	}
	return nil
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// writePair writes the key first: a crash in between leaves an old certificate with a new key, which does not load and
// says so, rather than a certificate whose key is nowhere.
func writePair(dir, name string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeFile(keyPath(dir, name), encodePEM("PRIVATE KEY", keyDER)); err != nil {
		return err
	}
	return writeFile(certPath(dir, name), encodePEM("CERTIFICATE", der))
}

func loadCA(dir string) (*x509.Certificate, crypto.Signer, error) {
	certs, err := readCerts(certPath(dir, "ca"))
	if err != nil {
		return nil, nil, fmt.Errorf("%w; `parley certs ca` makes a CA", err)
	}
	b, err := readFile(keyPath(dir, "ca"))
	if err != nil {
		return nil, nil, fmt.Errorf("%w; certificates are issued where the CA's key is kept", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM in it", keyPath(dir, "ca"))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyPath(dir, "ca"), err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s: holds a key that cannot sign", keyPath(dir, "ca"))
	}
	// In a bundle, the CA that issues is the one whose key is here.
	for _, c := range certs {
		if pub, ok := c.PublicKey.(*ecdsa.PublicKey); ok && pub.Equal(key.Public()) && c.IsCA {
			return c, key, nil
		}
	}
	return nil, nil, fmt.Errorf("%s: is not the key of %s", keyPath(dir, "ca"), certPath(dir, "ca"))
}
