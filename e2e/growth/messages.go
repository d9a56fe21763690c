package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"parley/api/client"
	"parley/bench"
	"parley/e2e/cluster"
	"parley/e2e/load"
)

const (
	// nodes that hold the history.
	historyNodes = 3
	// callers of the measured sends and reads.
	callers = 64
	// warmup before each measurement.
	warmup = time.Second
)

// history makes a cluster with so many messages and measures it.
func (p *points) history(t *cluster.Program, o options, binary string, messages int) error {
	t.Logf("%d messages", messages)
	dir, c, end, err := filledCluster(t, o, binary, messages, &filler{})
	if err != nil {
		return err
	}
	defer end()
	file := filepath.Join(c.Nodes[0].Dir, "store.db")
	add := func(figure string, value float64) { p.add("messages", messages, figure, value) }
	if fi, err := os.Stat(file); err == nil {
		add("store.db MB", float64(fi.Size())/(1<<20))
	}
	if err := p.load64(c, o, add); err != nil {
		return err
	}
	if err := p.backups(c, o, binary, dir, add); err != nil {
		return err
	}
	n := c.Nodes[1]
	n.Kill()
	add("restart after kill -9, s", restart(c, n).Seconds())
	n.Terminate()
	add("restart after a stop, s", restart(c, n).Seconds())
	load.VerifyHashes(t, c)
	return p.failed
}

// filledCluster starts nodes that have so many messages, sent as f says, in a directory of their own. end ends them and removes it.
func filledCluster(t *cluster.Program, o options, binary string, messages int, f *filler) (
	dir string, c *cluster.Cluster, end func(), err error,
) {
	if dir, err = os.MkdirTemp(o.dir, "growth-"); err != nil {
		return "", nil, nil, err
	}
	end = func() {
		if c != nil {
			for _, n := range c.Nodes {
				n.End()
			}
		}
		os.RemoveAll(dir)
	}
	if c, err = filled(t, binary, dir, messages, f); err != nil {
		end()
	}
	return dir, c, end, err
}

func filled(t *cluster.Program, binary, dir string, messages int, f *filler) (*cluster.Cluster, error) {
	c := cluster.Start(t, cluster.Options{Binary: binary, Nodes: historyNodes, Dir: dir})
	var accounts []*client.Client
	for i := range fillAccounts {
		accounts = append(accounts, load.Account(t, c.Addresses(i), fillName(i)))
		f.tokens = append(f.tokens, accounts[i].Token())
	}
	if f.room != "" {
		if err := enter(f.room, accounts); err != nil {
			return c, err
		}
	}
	for _, n := range c.Nodes {
		n.Terminate()
	}
	from := time.Now()
	if err := fill(c.Nodes, f, messages); err != nil {
		return c, err
	}
	t.Logf("filled in %s", time.Since(from).Round(time.Second))
	file := filepath.Join(c.Nodes[0].Dir, "store.db")
	for _, n := range c.Nodes[1:] {
		if err := copyFile(file, filepath.Join(n.Dir, "store.db")); err != nil {
			return c, err
		}
	}
	for _, n := range c.Nodes {
		n.Start()
	}
	c.AwaitServing(c.Nodes...)
	return c, nil
}

func restart(c *cluster.Cluster, n *cluster.Node) time.Duration {
	from := time.Now()
	n.Start()
	c.AwaitServing(n)
	return time.Since(from)
}

// load64 sends and reads on top of the history.
func (p *points) load64(c *cluster.Cluster, o options, add func(string, float64)) error {
	return withBench(c, o, func(ctx context.Context, b *bench.Bench) error {
		r, err := b.Send(ctx, callers)
		if err != nil {
			return err
		}
		addSend(r, add)
		add("RssAnon MB, greatest of the nodes", greatest(r.RSS))
		if r, err = b.Read(ctx, callers, bench.ReadScreen); err != nil {
			return err
		}
		add("read of 50, CPU µs", r.CPU)
		return nil
	})
}

// addSend are the figures of sends on every axis.
func addSend(r bench.Result, add func(string, float64)) {
	add("send, CPU µs", r.CPU)
	add("send, ops/s", r.OpsPerS)
	add("send, p99 ms", r.P99MS)
	add("other load %", r.OtherCPU)
}

func withBench(c *cluster.Cluster, o options, f func(context.Context, *bench.Bench) error) error {
	ctx := context.Background()
	b, err := bench.New(ctx, bench.Options{
		Servers: c.Addresses(0), Senders: callers, Warmup: warmup, Span: time.Duration(o.seconds * float64(time.Second)),
		Control: control{c},
	})
	if err != nil {
		return err
	}
	defer b.Close()
	return f(ctx, b)
}

// backups times one backup of the whole, which spools the store's file, and then sends while others follow on it.
func (p *points) backups(c *cluster.Cluster, o options, binary, dir string, add func(string, float64)) error {
	backup := func(ctx context.Context) (time.Duration, error) {
		to := filepath.Join(dir, "backup")
		defer os.Remove(to)
		from := time.Now()
		cmd := exec.CommandContext(ctx, binary, "backup", to, "--data", c.Nodes[0].Dir, "--timeout", "30m")
		if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
			return 0, fmt.Errorf("backup: %w\n%s", err, out)
		}
		return time.Since(from), nil
	}
	d, err := backup(context.Background())
	if err != nil {
		return err
	}
	add("backup, s", d.Seconds())
	return withBench(c, o, func(ctx context.Context, b *bench.Bench) error {
		until, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		// Owned by this call; ends when the sends do.
		go func() {
			var err error
			for until.Err() == nil && err == nil {
				_, err = backup(until)
			}
			ended <- err
		}()
		r, err := b.Send(ctx, callers)
		stop()
		if err := errors.Join(err, <-ended); err != nil {
			return err
		}
		add("send during backups, p99 ms", r.P99MS)
		return nil
	})
}

func greatest(of map[string]float64) float64 {
	most := 0.0
	for _, v := range of {
		most = max(most, v)
	}
	return most
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// control shows the load generator the nodes' processes. It kills none.
type control struct{ c *cluster.Cluster }

func (k control) Processes() []bench.Process {
	var ps []bench.Process
	for _, n := range k.c.Nodes {
		if pid, ok := n.Running(); ok {
			ps = append(ps, bench.Process{Name: n.Name, PID: pid})
		}
	}
	return ps
}

func (k control) Kill(name string) (time.Time, error) {
	return time.Time{}, fmt.Errorf("no reason to kill %s", name)
}

func (k control) Restart(_ context.Context, name string) error {
	return fmt.Errorf("no reason to restart %s", name)
}
