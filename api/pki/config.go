package pki

import (
	"crypto/tls"
	"crypto/x509"
)

// ServerConfig is the client port of node name: its certificate, no demand on the client's. Users authenticate by
// session.
func ServerConfig(dir, name string) (*tls.Config, error) {
	src, err := newSource(dir, name)
	if err != nil {
		return nil, err
	}
	return serverConfig(src), nil
}

// MutualServerConfig is ServerConfig for a cluster that admits only clients with a certificate of its CA. Sessions are
// needed all the same.
func MutualServerConfig(dir, name string) (*tls.Config, error) {
	src, err := newSource(dir, name)
	if err != nil {
		return nil, err
	}
	base := serverConfig(src)
	// The CA file may change too, and ClientCAs is a plain field: each handshake gets its own copy.
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := base.Clone()
		c.GetConfigForClient = nil
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = src.get().roots
		// Tickets of one copy are of no use to the next, and a resumed session would skip the check against a new CA.
		c.SessionTicketsDisabled = true
		return c, nil
	}
	return base, nil
}

func serverConfig(src *source) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"h2"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return src.get().cert, nil },
	}
}

// PeerConfigs are the two ends of the connections between nodes. Both ends prove by certificate which node they are
// (NodeName of ConnectionState.PeerCertificates[0]); whether that is the node one meant is for the caller to compare.
func PeerConfigs(dir, name string) (server, client *tls.Config, err error) {
	src, err := newSource(dir, name)
	if err != nil {
		return nil, nil, err
	}
	server = serverConfig(src)
	server.ClientAuth = tls.RequireAnyClientCert // verified below, with the roots of the moment
	server.VerifyConnection = func(cs tls.ConnectionState) error {
		return verifyNode(cs, src.get().roots, x509.ExtKeyUsageClientAuth)
	}
	client = &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return src.get().cert, nil
		},
		// Only the host name check is replaced: verifyNode verifies the chain, the usage and the node URI.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			return verifyNode(cs, src.get().roots, x509.ExtKeyUsageServerAuth)
		},
	}
	return server, client, nil
}

// ClientConfig is a user's client: it trusts the cluster's CA, and only that, for the host names it dials.
func ClientConfig(caFile string) (*tls.Config, error) {
	roots, err := loadRoots(caFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, RootCAs: roots}, nil
}

// ClientCertConfig is ClientConfig for a cluster that asks clients for certificates.
func ClientCertConfig(caFile, certFile, keyFile string) (*tls.Config, error) {
	cfg, err := ClientConfig(caFile)
	if err != nil {
		return nil, err
	}
	cert, err := loadPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	cfg.Certificates = []tls.Certificate{*cert}
	return cfg, nil
}
