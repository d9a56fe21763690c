package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"parley/store"
)

// MaxClusterVersion is the highest cluster version that this binary understands: the store's, whose commands they are.
const MaxClusterVersion = store.MaxClusterVersion

// Config is what a node needs to start.
type Config struct {
	// Name is the member's name, such as "n1".
	Name string
	// Dir is the data directory: raft, store.db and files on their way in or out. Made when missing.
	Dir string
	// Address is where clients reach this node, as other members and clients are told.
	Address string
	// PeerAddress is where other members reach this node.
	PeerAddress string
	// PeerListener serves PeerAddress; the node closes it.
	PeerListener net.Listener
	// FirstMembers are the peer addresses of the members the cluster is formed of, by name, this one included. Used at
	// the first start only; the same on every node.
	FirstMembers map[string]string
	// Join are peer addresses of members. A node with an empty directory joins their cluster, one that has joined says hello
	// there, for its peers or itself may have moved.
	Join []string
	// PeerServerTLS and PeerClientTLS are for the peer port; nil for plaintext.
	PeerServerTLS, PeerClientTLS *tls.Config
	// Logger gets what an operator should know.
	Logger *slog.Logger
	// Registerer gets the metrics; nil for none.
	Registerer prometheus.Registerer
	// RetainEntries is how many log entries are kept for members that lag; DefaultRetainEntries when 0.
	RetainEntries uint64
	// SoftwareVersion is shown to operators.
	SoftwareVersion string

	// announceVersion has a test's node announce itself as an older program; MaxClusterVersion when 0.
	announceVersion uint32
}

func (c *Config) check() error {
	switch {
	case c.Name == "":
		return errors.New("a node needs a name (--name)")
	case c.Dir == "":
		return errors.New("a node needs a data directory (--data)")
	case c.PeerListener == nil || c.PeerAddress == "":
		return errors.New("a node needs a peer address (--peer-listen)")
	}
	if len(c.FirstMembers) > 0 {
		if _, ok := c.FirstMembers[c.Name]; !ok {
			return fmt.Errorf("--cluster does not name this node %q; it lists %s", c.Name, formatMembers(c.FirstMembers))
		}
	}
	if c.RetainEntries == 0 {
		c.RetainEntries = DefaultRetainEntries
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// memberNames are the first members' names in order; a first member's id is its place, counted from 1.
func memberNames(members map[string]string) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// formatMembers is the canonical form of a member list, equal on every node that was told the same.
func formatMembers(members map[string]string) string {
	parts := make([]string, 0, len(members))
	for _, name := range memberNames(members) {
		parts = append(parts, name+"="+members[name])
	}
	return strings.Join(parts, ",")
}

// ParseMembers reads "n1=host:port,n2=host:port".
func ParseMembers(s string) (map[string]string, error) {
	members := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not NAME=HOST:PORT", part)
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, fmt.Errorf("%q is not NAME=HOST:PORT: %w", part, err)
		}
		if _, dup := members[name]; dup {
			return nil, fmt.Errorf("member %q is named twice", name)
		}
		members[name] = addr
	}
	return members, nil
}
