package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Options say which cluster and how to reach it. Only Servers is required.
type Options struct {
	// Servers are addresses of some of the cluster's nodes, "host:port" or "unix:/path". One that lives is enough: the
	// others are learned.
	Servers []string
	// OnlyServers keeps the client to Servers: members that are learned are shown by State, never called.
	OnlyServers bool
	// Token is the session token, TokenBytes long; nil before a login.
	Token []byte
	// TLS is nil for plaintext. Without a ServerName each node is verified against the host of its address.
	TLS *tls.Config
	// Timeout bounds a call whose context has no deadline. 0 is DefaultTimeout.
	Timeout time.Duration
	// NoQuorumWait is how long a call keeps trying while no node can serve it. 0 is the constant of that name; negative:
	// until the call's deadline.
	NoQuorumWait time.Duration
	// Unary makes SendMessage a call of its own for each message, as it is for a node that knows no streams of sends. It
	// means the same and costs more processor time, the more so the more callers a Client has.
	Unary bool
	// StatusInterval is how often leader and members are asked for. 0 is the constant of that name; negative: never, so
	// that no member is learned either.
	StatusInterval time.Duration
	// UserAgent is what servers log; "parley" when empty.
	UserAgent string
	// Logger hears of fail-overs at Info and of single tries at Debug. nil: silent.
	Logger *slog.Logger
	// DialOptions are appended to the client's own.
	DialOptions []grpc.DialOption
}

// withDefaults checks o and fills what is empty.
func (o Options) withDefaults() (Options, error) {
	servers := make([]string, 0, len(o.Servers))
	seen := make(map[string]bool, len(o.Servers))
	for _, s := range o.Servers {
		s = strings.TrimSpace(s)
		if s == "" || seen[s] {
			continue
		}
		if err := checkAddress(s); err != nil {
			return o, err
		}
		seen[s] = true
		servers = append(servers, s)
	}
	if len(servers) == 0 {
		return o, errors.New("no server address: give at least one host:port of the cluster")
	}
	if len(servers) > MaxServers {
		return o, fmt.Errorf("%d server addresses: at most %d", len(servers), MaxServers)
	}
	o.Servers = servers
	if n := len(o.Token); n != 0 && n != TokenBytes {
		return o, fmt.Errorf("the session token has %d bytes, not %d: log in again", n, TokenBytes)
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.NoQuorumWait == 0 {
		o.NoQuorumWait = NoQuorumWait
	}
	if o.StatusInterval == 0 {
		o.StatusInterval = StatusInterval
	}
	if o.UserAgent == "" {
		o.UserAgent = "parley"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func checkAddress(a string) error {
	if strings.HasPrefix(a, "unix:") {
		return nil
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("server address %q: want host:port", a)
	}
	return nil
}
