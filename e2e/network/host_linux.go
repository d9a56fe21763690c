package network

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// unshare gives the host its namespace. The thread that is in it stays for good: it starts what runs there, and the kernel
// ends those when it ends.
func (h *Host) unshare() error {
	made := make(chan error)
	// Owned by the host: lives as long as the program. It never unlocks its thread, so no other goroutine gets into the
	// namespace.
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		made <- err
		if err != nil {
			return
		}
		for f := range h.do {
			f()
		}
	}()
	if err := <-made; err != nil {
		return fmt.Errorf("%w: make a namespace: %w", ErrUnavailable, err)
	}
	return nil
}

// newDevice makes the interface of the namespace that the calling thread is in, gives it the address, and brings it up.
func newDevice(a netip.Addr) (device, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(s) }()
	// Without TUN the program may go on with the loopback of its namespace, so that comes first.
	if err := configure(s, "lo", netip.Addr{}); err != nil {
		return nil, err
	}
	f, err := openTUN()
	if err != nil {
		return nil, fmt.Errorf("%w: make a TUN device: %w", ErrUnavailable, err)
	}
	if err := configure(s, tunName, a); err != nil {
		return nil, err
	}
	return f, nil
}

// tunName is the same everywhere: each namespace has one.
const tunName = "parley0"

func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	req, err := unix.NewIfreq(tunName)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), tunName), nil
}

// configure gives an interface its address, if there is one to give, and brings it up.
func configure(socket int, name string, a netip.Addr) error {
	set := func(what string, ioctl uint, fill func(*unix.Ifreq) error) error {
		req, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := fill(req); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, ioctl, req); err != nil {
			return fmt.Errorf("%s of %s: %w", what, name, err)
		}
		return nil
	}
	if a.IsValid() {
		if err := set("MTU", unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtu); return nil }); err != nil {
			return err
		}
		ip := a.As4()
		if err := set("address", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip[:]) }); err != nil {
			return err
		}
		if err := set("netmask", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error {
			return r.SetInet4Addr([]byte{255, 255, 255, 0})
		}); err != nil {
			return err
		}
	}
	return set("flags", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		return nil
	})
}
