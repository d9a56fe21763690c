package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"parley/e2e/cluster"
	"parley/e2e/network"
)

// binaryVariable hands the built parley to the program inside the namespaces: in there is no network to fetch modules from.
const binaryVariable = "PARLEY_TORTURE_BINARY"

// lab is what the machine can do besides starting processes: a network that is ours, disks that are small, system calls that
// fail. What it cannot do is left out and said so.
type lab struct {
	root string
	// net is nil when there is none; addresses are the nodes'.
	net *network.Network

	mu        sync.Mutex
	addresses map[string]netip.Addr
	// disks are the file systems that can be filled, by node; those of the first ones. strace is the tool's path.
	disks   map[string]string
	strace  string
	leftOut []string
}

// newLab makes what this machine can have. inside tells that the program is in namespaces of its own; if not, why.
func newLab(root string, inside bool, why error) (*lab, error) {
	l := &lab{root: root, addresses: map[string]netip.Addr{}, disks: map[string]string{}}
	if inside {
		var err error
		if l.net, err = network.New(); err != nil && !errors.Is(err, network.ErrUnavailable) {
			return nil, err
		}
		why = err
	}
	if l.net == nil {
		l.leftOut = append(l.leftOut, fmt.Sprintf("partitions, slow links and full disks: %v", why))
	}
	var err error
	if l.strace, err = exec.LookPath("strace"); err != nil {
		l.leftOut = append(l.leftOut, "slow and failing fsync: strace is not installed")
	}
	return l, nil
}

// place gives a node a host of its own, and the first small nodes a disk of their own. Not all: tmpfs takes a write as done at
// once, and every quorum shall have a node whose fsync is a real one.
func (l *lab) place(t cluster.TB, small int) func(name string) cluster.Place {
	if l.net == nil {
		return nil
	}
	return func(name string) cluster.Place {
		host, err := l.net.Join()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		l.mu.Lock()
		l.addresses[name] = host.Address
		l.mu.Unlock()
		p := cluster.Place{IP: host.Address.String(), Start: host.Start}
		if len(l.disks) >= small {
			return p
		}
		mount := filepath.Join(l.root, name+".disk")
		if err := os.Mkdir(mount, 0o700); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := mountSmall(mount, diskBytes); err != nil {
			l.leftOut = append(l.leftOut, fmt.Sprintf("full disks: %v", err))
			return p
		}
		l.disks[name] = mount
		p.Dir = filepath.Join(mount, "data")
		return p
	}
}

// flags are what every node needs besides its own.
func (l *lab) flags() []string {
	if l.net == nil {
		return nil
	}
	return []string{"--insecure"} // its addresses are no loopback's, though nobody else can reach them
}

// set changes one direction between two nodes; an empty name is the clients' side.
func (l *lab) set(from, to string, link network.Link) {
	l.net.Set(l.address(from), l.address(to), link)
}

func (l *lab) address(name string) netip.Addr {
	if name == "" {
		return network.Here
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addresses[name]
}
