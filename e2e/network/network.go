package network

import (
	"errors"
	"net/netip"
	"os/exec"
	"sync"
	"time"
)

// ErrUnavailable is returned when this machine does not let the program make a network.
var ErrUnavailable = errors.New("namespaces or TUN devices are not available here")

// Here is the program's own address.
var Here = netip.AddrFrom4([4]byte{10, 77, 0, 1})

const (
	// mtu is large, so that a snapshot costs few packets to carry.
	mtu = 9000
	// maxQueued bounds the packets on one slow or long link.
	maxQueued = 1024
	// maxHosts is what the addresses are good for.
	maxHosts = 250
)

// Link is what happens to packets of one direction. The zero value carries them at once.
type Link struct {
	// Down drops them all.
	Down bool
	// Loss drops so many of a hundred.
	Loss int
	// Delay is how long each takes.
	Delay time.Duration
	// BytesPerSecond bounds their flow; 0: no bound.
	BytesPerSecond int
}

// Network is a switch and the hosts at it. Its methods are for any goroutine.
type Network struct {
	mu    sync.RWMutex
	hosts map[netip.Addr]*Host
	links map[pair]*wire
	last  byte
}

// pair is one direction.
type pair struct{ from, to netip.Addr }

// Host is a machine of the network: a namespace with one address.
type Host struct {
	Address netip.Addr

	device device
	// do has a function run by the thread that lives in the namespace.
	do chan func()
}

// device is a host's interface, seen from the switch.
type device interface {
	Read(packet []byte) (int, error)
	Write(packet []byte) (int, error)
}

// New makes a network at which the program itself has the address Here. The program must have called Enter.
func New() (*Network, error) {
	n := &Network{hosts: map[netip.Addr]*Host{}, links: map[pair]*wire{}, last: Here.As4()[3]}
	h := &Host{Address: Here}
	dev, err := newDevice(Here)
	if err != nil {
		return nil, err
	}
	n.attach(h, dev)
	return n, nil
}

// Join makes a host.
func (n *Network) Join() (*Host, error) {
	n.mu.Lock()
	if n.last >= maxHosts {
		n.mu.Unlock()
		return nil, errors.New("the network has no address left")
	}
	n.last++
	a := Here.As4()
	a[3] = n.last
	n.mu.Unlock()
	h := &Host{Address: netip.AddrFrom4(a), do: make(chan func())}
	if err := h.unshare(); err != nil {
		return nil, err
	}
	var dev device
	var err error
	h.run(func() { dev, err = newDevice(h.Address) })
	if err != nil {
		return nil, err
	}
	n.attach(h, dev)
	return h, nil
}

// Start starts a command on the host.
func (h *Host) Start(cmd *exec.Cmd) error {
	var err error
	h.run(func() { err = cmd.Start() })
	return err
}

// run has f run in the host's namespace and waits for it.
func (h *Host) run(f func()) {
	done := make(chan struct{})
	h.do <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Set changes what happens to the packets from one address to another.
func (n *Network) Set(from, to netip.Addr, l Link) {
	p := pair{from, to}
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.links[p]
	delete(n.links, p)
	if l != (Link{}) {
		n.links[p] = newWire(l, n.hosts[to].device)
	}
	if old != nil {
		old.close()
	}
}

// Heal has every link carry everything at once again.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p, w := range n.links {
		delete(n.links, p)
		w.close()
	}
}

func (n *Network) attach(h *Host, dev device) {
	h.device = dev
	n.mu.Lock()
	n.hosts[h.Address] = h
	n.mu.Unlock()
	// Owned by the network: ends with the program, and carries what the host sends.
	go func() {
		buf := make([]byte, mtu)
		for {
			k, err := dev.Read(buf)
			if err != nil {
				return
			}
			n.carry(h.Address, buf[:k])
		}
	}()
}

// carry hands a packet on. The switch knows IPv4 only: nobody here has another address.
func (n *Network) carry(from netip.Addr, packet []byte) {
	const header = 20
	if len(packet) < header || packet[0]>>4 != 4 {
		return
	}
	to := netip.AddrFrom4([4]byte(packet[16:20]))
	n.mu.RLock()
	defer n.mu.RUnlock()
	h := n.hosts[to]
	if h == nil {
		return
	}
	if w := n.links[pair{from, to}]; w != nil {
		w.send(packet)
		return
	}
	_, _ = h.device.Write(packet) // a full queue drops, as any switch does
}
