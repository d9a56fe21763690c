package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"parley/api/pki"
	"parley/node"
)

// serveOptions are the flags of serve, completed and checked.
type serveOptions struct {
	name, data         string
	listen, peerListen string
	advertise          string
	peerAdvertise      string
	cluster            string
	members            map[string]string // of cluster
	join               []string
	tlsDir             string
	requireClientCert  bool
	adminListen        string
	insecure, profile  bool
	logLevel           string
}

func newServe(a *app) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run one node",
		Long: `Run one node. All first members are started with the same --cluster, which names their peer addresses:

  parley serve --name n1 --data /var/lib/parley --listen 10.0.0.1:50051 --peer-listen 10.0.0.1:51051 \
    --cluster n1=10.0.0.1:51051,n2=10.0.0.2:51051,n3=10.0.0.3:51051 --tls-dir /etc/parley/tls

A machine that is added later has a name first (parley cluster add n4 HOST:PORT, on a running member), and is then started on
an empty directory with --join instead of --cluster; the peer address of any member will do:

  parley serve --name n4 --data /var/lib/parley --listen 10.0.0.4:50051 --peer-listen 10.0.0.4:51051 --join 10.0.0.1:51051

SIGTERM drains: the node stops being ready, gives leadership away, finishes what is under way, writes everything to disk and
ends. A second one ends it at once. Logs go to stderr, as JSON unless that is a terminal.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.insecure = a.flags.insecure
			if err := o.complete(); err != nil {
				return err
			}
			return a.serve(o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "the node's name, such as n1; never another for the same data directory")
	f.StringVar(&o.data, "data", "", "data directory, made when missing")
	f.StringVar(&o.listen, "listen", "", "`HOST:PORT` for clients")
	f.StringVar(&o.peerListen, "peer-listen", "", "`HOST:PORT` for the other nodes")
	f.StringVar(&o.cluster, "cluster", "", "peer addresses of the first members, `n1=HOST:PORT,...`")
	f.StringSliceVar(&o.join, "join", nil, "peer addresses of members of the cluster to join, `HOST:PORT,...`; also where a moved node looks")
	f.StringVar(&o.advertise, "advertise", "", "`HOST:PORT` under which clients reach this node; --listen when left out")
	f.StringVar(&o.peerAdvertise, "peer-advertise", "", "`HOST:PORT` under which nodes reach it; its entry in --cluster when left out")
	f.StringVar(&o.tlsDir, "tls-dir", "", "directory with ca.crt, NAME.crt and NAME.key; turns TLS on for clients and nodes")
	f.BoolVar(&o.requireClientCert, "tls-require-client-cert", false, "admit only clients with a certificate of the CA")
	f.StringVar(&o.adminListen, "admin-listen", "", "`HOST:PORT` for /livez, /readyz and /metrics")
	f.BoolVar(&o.profile, "profile", false, "serve /debug/pprof on --admin-listen too")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	return c
}

// complete checks the flags against each other and fills what follows from others.
func (o *serveOptions) complete() error {
	for _, f := range []struct{ flag, value string }{
		{"--name", o.name}, {"--data", o.data}, {"--listen", o.listen}, {"--peer-listen", o.peerListen},
	} {
		if f.value == "" {
			return usageError("parley serve needs %s: see parley serve --help", f.flag)
		}
	}
	if o.cluster != "" && len(o.join) > 0 {
		return usageError("--cluster forms a new cluster, --join joins one: give one of them")
	}
	for _, addr := range o.join {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return usageError("--join %q: want HOST:PORT, the peer address of a member", addr)
		}
	}
	if o.cluster != "" {
		members, err := node.ParseMembers(o.cluster)
		if err != nil {
			return usageError("--cluster: %s", err.Error())
		}
		if _, ok := members[o.name]; !ok {
			return usageError("--cluster does not name this node: add %s=HOST:PORT with its peer address", o.name)
		}
		o.members = members
		if o.peerAdvertise == "" {
			o.peerAdvertise = members[o.name]
		}
	}
	var err error
	if o.advertise, err = reachable("--advertise", o.advertise, "--listen", o.listen); err != nil {
		return err
	}
	if o.peerAdvertise, err = reachable("--peer-advertise", o.peerAdvertise, "--peer-listen", o.peerListen); err != nil {
		return err
	}
	if abs, err := filepath.Abs(o.data); err == nil {
		o.data = abs
	}
	return o.checkPlaintext()
}

// reachable is the address that others are told: the advertised one, or the one listened on when others can dial that.
func reachable(flag, advertised, listenFlag, listened string) (string, error) {
	from, address := flag, advertised
	if address == "" {
		from, address = listenFlag, listened
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", usageError("%s %q: want HOST:PORT", from, address)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		return "", usageError("%s %s is no address that others can dial: give %s HOST:PORT", from, address, flag)
	}
	if port == "0" {
		return "", usageError("%s %s: others must know the port, so it cannot be 0", from, address)
	}
	return address, nil
}

// checkPlaintext refuses to carry sessions or the log over a network unencrypted.
func (o *serveOptions) checkPlaintext() error {
	if o.tlsDir != "" || o.insecure {
		return nil
	}
	for _, l := range []struct{ flag, address string }{{"--listen", o.listen}, {"--peer-listen", o.peerListen}} {
		addr, err := net.ResolveTCPAddr("tcp", l.address)
		if err != nil {
			return usageError("%s %s: %s", l.flag, l.address, err.Error())
		}
		if !addr.IP.IsLoopback() {
			return usageError("%s %s is reachable from the network and would be plaintext: give --tls-dir (see parley certs), "+
				"or --insecure", l.flag, l.address)
		}
	}
	return nil
}

// clientTLS is the client port's configuration, nil for plaintext, and when its certificate ends.
func (o *serveOptions) clientTLS() (*tls.Config, func() time.Time, error) {
	if o.tlsDir == "" {
		return nil, nil, nil
	}
	configure := pki.ServerConfig
	if o.requireClientCert {
		configure = pki.MutualServerConfig
	}
	cfg, err := configure(o.tlsDir, o.name)
	if err != nil {
		return nil, nil, tlsError(*o, err)
	}
	return cfg, func() time.Time { return pki.NotAfter(cfg) }, nil
}

func tlsError(o serveOptions, err error) error {
	hint := ""
	if errors.Is(err, fs.ErrNotExist) {
		hint = fmt.Sprintf("make them: parley certs node %s --dir %s", o.name, o.tlsDir)
	}
	return &failure{code: exitFailed, message: "--tls-dir: " + err.Error(), hint: hint}
}
