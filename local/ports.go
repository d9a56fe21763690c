package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
	"time"
)

const loopback = "127.0.0.1"

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// plan decides names and addresses of n nodes: counted from basePort, or free ones when basePort is 0.
func plan(n, basePort int) (*layout, error) {
	l := &layout{Version: layoutVersion}
	if basePort != 0 {
		if basePort < 1 || basePort+n-1+PeerPortOffset > 65535 {
			return nil, fmt.Errorf("base port %d does not leave room for %d nodes: choose 1024 to %d",
				basePort, n, 65535-PeerPortOffset-n+1)
		}
		for i := range n {
			l.Nodes = append(l.Nodes, layoutNode{
				Name:        "n" + strconv.Itoa(i+1),
				Address:     hostPort(basePort + i),
				PeerAddress: hostPort(basePort + i + PeerPortOffset),
			})
		}
		return l, nil
	}
	ports, err := FreePorts(2 * n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		l.Nodes = append(l.Nodes, layoutNode{
			Name:        "n" + strconv.Itoa(i+1),
			Address:     hostPort(ports[2*i]),
			PeerAddress: hostPort(ports[2*i+1]),
		})
	}
	return l, nil
}

// FreePorts finds count different ports that nobody listens on. All are held until all are found, so that they differ.
func FreePorts(count int) ([]int, error) {
	var ports []int
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range freePortTries {
		if len(ports) == count {
			return ports, nil
		}
		port := freePortLow + rand.IntN(freePortHigh-freePortLow)
		l, err := net.Listen("tcp", hostPort(port))
		if err != nil {
			continue
		}
		held = append(held, l)
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("found only %d of %d free ports between %d and %d", len(ports), count, freePortLow, freePortHigh)
}

// checkFree says which of the layout's addresses is taken, before any node is started.
func (l *layout) checkFree() error {
	for _, n := range l.Nodes {
		for _, address := range []string{n.Address, n.PeerAddress} {
			err := listenBriefly(address)
			if err == nil {
				continue
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return &PortBusyError{Node: n.Name, Address: address}
			}
			return fmt.Errorf("node %s cannot listen on %s: %w", n.Name, address, err)
		}
	}
	return nil
}

// listenBriefly tells whether the address can be listened on. A port that was just closed may be held for a moment more: by a
// child of this process between fork and exec, or by a node of the same directory that is on its way out.
func listenBriefly(address string) error {
	deadline := time.Now().Add(busyPatience)
	for {
		ln, err := net.Listen("tcp", address)
		if err == nil {
			return ln.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(busyPoll)
	}
}

// PortBusyError is returned by Start when something else listens where a node would.
type PortBusyError struct {
	Node    string
	Address string
}

func (e *PortBusyError) Error() string {
	return fmt.Sprintf("%s, which node %s needs, is in use", e.Address, e.Node)
}
