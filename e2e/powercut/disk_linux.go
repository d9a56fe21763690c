package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"parley/e2e/cluster"
)

const (
	// imageBytes is the size of a node's disk; the image is sparse.
	imageBytes = 1 << 30
	// ioctlShutdown is FS_IOC_SHUTDOWN, _IOR('X', 125, __u32); see include/uapi/linux/fs.h.
	ioctlShutdown = 0x8004587d
	// noLogFlush is FS_SHUTDOWN_FLAGS_NOLOGFLUSH: the journal is lost too.
	noLogFlush = 2
	// inside marks the process that has a mount namespace.
	insideVariable = "PARLEY_POWERCUT_INSIDE"
)

// enter runs the program again in a mount namespace of its own, so that the kernel undoes every mount when it ends, however
// it ends; in there it returns at once.
func enter(environment string) (inside bool, code int, err error) {
	if os.Getenv(insideVariable) != "" {
		return true, 0, nil
	}
	if os.Geteuid() != 0 {
		return false, 0, errors.New("powercut mounts file systems and needs root")
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), environment, insideVariable+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil
	}
	return false, cmd.ProcessState.ExitCode(), err
}

// disk is one node's file system.
type disk struct {
	image, mount string
}

// newDisk makes an ext4 and mounts it at a directory.
func newDisk(image, mount string) (*disk, error) {
	f, err := os.Create(image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(imageBytes), f.Close()); err != nil {
		return nil, err
	}
	if err := run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image); err != nil {
		return nil, err
	}
	d := &disk{image: image, mount: mount}
	if err := d.attach(); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(mount, "lost+found")); err != nil {
		return nil, err
	}
	return d, os.Chmod(mount, 0o700)
}

// attach mounts the file system, which recovers its journal.
func (d *disk) attach() error { return run("mount", "-t", "ext4", "-o", "loop", d.image, d.mount) }

// cut takes the power away: from here on nothing reaches the disk.
func (d *disk) cut() error {
	dir, err := os.Open(d.mount)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.IoctlSetPointerInt(int(dir.Fd()), ioctlShutdown, noLogFlush)
}

// detach unmounts; who had files open has ended. The kernel lets go of the last of them a moment after that.
func (d *disk) detach() error {
	return cluster.Poll(cluster.Patience, func() error { return unix.Unmount(d.mount, 0) })
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return nil
}
