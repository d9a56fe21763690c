package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

var tailKills = flag.Int("tail-kills", kills, "how often TestTailOverLeaderKills kills the leader")

// TestTailOverLeaderKills follows everything that reaches one account with `parley tail -o json`, three times at once through
// different nodes, while the leader is killed again and again (P4): what each printed has no gap and no duplicate, is in the order
// of the log, and is what the cluster stores. A fourth tail is killed itself in the middle and goes on from its last cursor.
func TestTailOverLeaderKills(t *testing.T) {
	c := start(t, 3)
	alice := newPerson(t, "alice", c.Addresses(0))
	bob := newPerson(t, "bob", c.Addresses(0))
	bob.ok("room", "create", "#log")
	alice.ok("room", "join", "#log")
	first := bob.send("@alice", "before all tails")

	var tails []*tail
	for i := range c.Nodes {
		p := *alice
		p.servers = c.Addresses(i)
		tails = append(tails, p.tail("--from", first.Cursor))
	}
	short := alice.tail("--from", first.Cursor)
	w := startTalkers(t, []*client.Client{bob.client(c, 1), load.Account(t, c.Addresses(2), "carol")}, []string{"#log", "@alice"})
	moved := map[string]int{}
	for i := range *tailKills {
		w.await(20)
		leader := c.Leader()
		leader.Kill()
		moved[leader.Name]++
		w.await(20)
		leader.Start()
		c.AwaitServing(leader)
		if i == *tailKills/2 {
			before, last := short, short.end()
			short = alice.tail("--from", last.Cursor)
			short.before = before.got()
		}
	}
	sent := w.stop()
	for i, x := range append(tails, short) {
		rs := x.await(t, sent[len(sent)-1])
		name := fmt.Sprintf("tail %d", i+1)
		if x == short {
			name = "the tail that was killed and went on"
			rs = append(short.before, rs...)
		}
		checkTail(t, name, rs, sent)
	}
	t.Logf("%d kills of the leader (%v), %d messages, each printed once and in order by each tail", *tailKills, moved, len(sent))
}

// checkTail holds what a tail printed against what was acknowledged, in the order of the log.
func checkTail(t *testing.T, name string, rs []row, sent []row) {
	t.Helper()
	next := map[string]uint64{}
	var last uint64
	for i, r := range rs {
		if r.ID <= last {
			t.Errorf("%s: line %d has id %d after %d", name, i+1, r.ID, last)
		}
		last = r.ID
		if want := next[r.Conversation] + 1; r.Seq != want {
			t.Errorf("%s: line %d: %s has seq %d, want %d: a gap or a duplicate", name, i+1, r.Conversation, r.Seq, want)
		}
		next[r.Conversation] = r.Seq
	}
	if len(rs) != len(sent) {
		t.Errorf("%s: %d lines for %d messages", name, len(rs), len(sent))
		return
	}
	for i := range rs {
		if rs[i].ID != sent[i].ID || rs[i].Text != sent[i].Text {
			t.Fatalf("%s: line %d is %d %q, sent was %d %q", name, i+1, rs[i].ID, rs[i].Text, sent[i].ID, sent[i].Text)
		}
	}
}

// tail is a running `parley tail -o json`.
type tail struct {
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	rows   []row
	err    error
	before []row // of the process that this one goes on after
}

func (p *person) tail(flags ...string) *tail {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := p.command(ctx, append([]string{"tail", "-o", "json"}, flags...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	x := &tail{t: p.t, stop: cancel, done: make(chan struct{})}
	// Owned by the tail: reads until the process has ended.
	go func() {
		defer close(x.done)
		for s := bufio.NewScanner(out); s.Scan(); {
			var r row
			err := json.Unmarshal(s.Bytes(), &r)
			x.mu.Lock()
			if err != nil {
				x.err = fmt.Errorf("%q: %w", s.Text(), err)
			}
			x.rows = append(x.rows, r)
			x.mu.Unlock()
		}
		_ = cmd.Wait() // it is killed in the end
	}()
	p.t.Cleanup(func() { cancel(); <-x.done })
	return x
}

// end kills the process with SIGKILL and returns the last whole line it printed.
func (x *tail) end() row {
	x.t.Helper()
	cluster.Await(x.t, cluster.Patience, "a line of the tail", func() error {
		if len(x.got()) == 0 {
			return cluster.ErrNotYet
		}
		return nil
	})
	x.stop()
	<-x.done
	rs := x.got()
	return rs[len(rs)-1]
}

func (x *tail) got() []row {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.rows)
}

// await waits for the line of the last message and returns all.
func (x *tail) await(t *testing.T, last row) []row {
	t.Helper()
	cluster.Await(t, cluster.Patience, "the last message in a tail", func() error {
		rs := x.got()
		if len(rs) == 0 || rs[len(rs)-1].ID < last.ID {
			return fmt.Errorf("it has printed %d lines", len(rs))
		}
		return nil
	})
	if x.err != nil {
		t.Error(x.err)
	}
	return x.got()
}

// talkers are writers, one a conversation, and what they were told.
type talkers struct {
	t    *testing.T
	quit chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex
	acked []row
}

func startTalkers(t *testing.T, as []*client.Client, to []string) *talkers {
	w := &talkers{t: t, quit: make(chan struct{})}
	for i, cl := range as {
		w.wg.Go(func() { w.talk(cl, to[i]) })
	}
	return w
}

// talk sends one message after the other until stop; each is acknowledged, or the test has failed.
func (w *talkers) talk(cl *client.Client, to string) {
	pause := time.NewTicker(5 * time.Millisecond) // what is tested is not speed
	defer pause.Stop()
	for i := 1; ; i++ {
		select {
		case <-w.quit:
			return
		case <-pause.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), cluster.Patience)
		text := fmt.Sprintf("%d to %s", i, to)
		resp, err := cl.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: to, Text: text})
		cancel()
		if err != nil {
			w.t.Errorf("%s: %v", text, err)
			return
		}
		w.mu.Lock()
		w.acked = append(w.acked, row{ID: resp.GetId(), Text: text})
		w.mu.Unlock()
	}
}

func (w *talkers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// await waits until n more messages are acknowledged.
func (w *talkers) await(n int) {
	w.t.Helper()
	want := w.count() + n
	cluster.Await(w.t, cluster.Patience, "messages to be acknowledged", func() error {
		if have := w.count(); have < want {
			return fmt.Errorf("%d of %d", have, want)
		}
		return nil
	})
}

// stop ends the writers and returns what was acknowledged, in the order of the log.
func (w *talkers) stop() []row {
	close(w.quit)
	w.wg.Wait()
	slices.SortFunc(w.acked, func(a, b row) int { return int(a.ID) - int(b.ID) })
	return w.acked
}

// client is the person's session as a client.
func (p *person) client(c *cluster.Cluster, from int) *client.Client {
	p.t.Helper()
	cl := load.Dial(p.t, client.Options{Servers: c.Addresses(from)})
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if _, err := cl.Login(ctx, p.name, load.Password, "e2e"); err != nil {
		p.t.Fatal(err)
	}
	return cl
}
