package main

import (
	"crypto/tls"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"parley/api/client"
	"parley/api/pki"
	"parley/local"
)

// defaultServers are the nodes of `parley up` with its defaults.
func defaultServers() []string {
	var servers []string
	for i := range local.DefaultNodes {
		servers = append(servers, net.JoinHostPort("127.0.0.1", strconv.Itoa(local.DefaultBasePort+i)))
	}
	return servers
}

// clientOptions turns the global flags into the client's options.
func (a *app) clientOptions(token []byte) (client.Options, error) {
	o := client.Options{
		Servers:   a.flags.servers,
		Token:     token,
		Timeout:   a.flags.timeout,
		UserAgent: "parley/" + version(),
	}
	if a.flags.verbose {
		o.Logger = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	cfg, err := a.clientTLS()
	if err != nil {
		return o, err
	}
	o.TLS = cfg
	if cfg == nil && !a.flags.insecure {
		for _, s := range o.Servers {
			if !onThisMachine(s) {
				return o, usageError("%s is not on this machine, and without TLS the session would cross the network in plain: "+
					"give --tls-ca, or --insecure", strings.TrimSpace(s))
			}
		}
	}
	return o, nil
}

// clientTLS is nil for plaintext.
func (a *app) clientTLS() (*tls.Config, error) {
	f := a.flags
	var cfg *tls.Config
	var err error
	switch {
	case f.tlsCA == "" && f.tlsCert == "" && f.tlsKey == "":
		return nil, nil
	case f.tlsCA == "" || (f.tlsCert == "") != (f.tlsKey == ""):
		return nil, usageError("TLS needs --tls-ca, and --tls-cert and --tls-key only together")
	case f.tlsCert != "":
		cfg, err = pki.ClientCertConfig(f.tlsCA, f.tlsCert, f.tlsKey)
	default:
		cfg, err = pki.ClientConfig(f.tlsCA)
	}
	if err != nil {
		return nil, usageError("%s", err.Error())
	}
	return cfg, nil
}

// onThisMachine tells whether an address needs no network.
func onThisMachine(address string) bool {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // not an address at all; the client says so
	}
	return loopbackHost(host)
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
