package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNotANode is returned for a certificate that names no node.
var ErrNotANode = errors.New("the certificate is not a node's (no URI parley://node/NAME in it)")

// NodeName is the identity in a node's certificate: the NAME of its one URI SAN parley://node/NAME. It does not verify
// the certificate; PeerConfigs has done so for every connection that stands.
func NodeName(c *x509.Certificate) (string, error) {
	if len(c.URIs) != 1 {
		return "", ErrNotANode
	}
	u := c.URIs[0]
	name := strings.TrimPrefix(u.Path, "/")
	if u.Scheme != "parley" || u.Host != "node" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		checkName(name) != nil {
		return "", ErrNotANode
	}
	return name, nil
}

// Info is what a person asks of a certificate file.
type Info struct {
	// Subject is the name it was issued for.
	Subject   string
	URI       string
	Hosts     []string
	NotBefore time.Time
	NotAfter  time.Time
	CA        bool
}

// Inspect reads the first certificate of a PEM file.
func Inspect(path string) (Info, error) {
	certs, err := readCerts(path)
	if err != nil {
		return Info{}, err
	}
	c := certs[0]
	i := Info{Subject: c.Subject.CommonName, NotBefore: c.NotBefore, NotAfter: c.NotAfter, CA: c.IsCA}
	i.Hosts = append(i.Hosts, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		i.Hosts = append(i.Hosts, ip.String())
	}
	if len(c.URIs) > 0 {
		i.URI = c.URIs[0].String()
	}
	return i, nil
}

// NotAfter is the end of the certificate that a server configuration of this package presents now, for a metric. Zero
// when it has none.
func NotAfter(cfg *tls.Config) time.Time {
	if cfg == nil || cfg.GetCertificate == nil {
		return time.Time{}
	}
	c, err := cfg.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || c.Leaf == nil {
		return time.Time{}
	}
	return c.Leaf.NotAfter
}

// verifyNode is the check behind invariant 2, made after every handshake, resumed ones included. Host names play no
// part: members move between addresses, and the name is what the Raft messages are checked against.
func verifyNode(cs tls.ConnectionState, roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the peer presented no certificate")
	}
	inter := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		inter.AddCert(c)
	}
	leaf := cs.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: inter, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return fmt.Errorf("the peer's certificate: %w", err)
	}
	if _, err := NodeName(leaf); err != nil {
		return err
	}
	return nil
}
