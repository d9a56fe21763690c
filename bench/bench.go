package bench

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// Control kills and restarts nodes of a cluster on this machine. Calls come one after another.
type Control interface {
	// PIDs are the processes of all nodes.
	PIDs() []int
	// Kill sends SIGKILL to the node and tells when.
	Kill(name string) (time.Time, error)
	// Restart starts it again and returns when it serves.
	Restart(ctx context.Context, name string) error
}

// Options say what to load and how. Only Servers is required.
type Options struct {
	Servers []string
	TLS     *tls.Config
	// Senders is how many accounts and clients there are, Conversations how many they talk in.
	Senders, Conversations int
	// Size of a message in bytes.
	Size int
	// Span is measured, after Warmup.
	Span, Warmup time.Duration
	// Timeout of one operation, all retries included; the client's default when 0.
	Timeout time.Duration
	// Control is needed by Failover, and for the CPU figures; nil when the cluster is not ours.
	Control Control
	// Progress gets a line for a person now and then; nil: silent.
	Progress func(string)
}

func (o Options) withDefaults() (Options, error) {
	if o.Senders == 0 {
		o.Senders = DefaultSenders
	}
	if o.Conversations == 0 {
		o.Conversations = DefaultConversations
	}
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	switch {
	case o.Senders < MinSenders || o.Senders > MaxSenders:
		return o, fmt.Errorf("%d senders: choose %d to %d", o.Senders, MinSenders, MaxSenders)
	case o.Conversations < 1 || o.Conversations > 2*o.Senders:
		return o, fmt.Errorf("%d conversations: choose 1 to twice the senders (%d)", o.Conversations, 2*o.Senders)
	case o.Size < MinSize || o.Size > MaxSize:
		return o, fmt.Errorf("messages of %d bytes: choose %d to %d", o.Size, MinSize, MaxSize)
	case o.Span <= 0 || o.Warmup < 0:
		return o, errors.New("the measured time must be more than nothing")
	}
	return o, nil
}

// account is one sender with its own client: a session of its own, connections of its own.
type account struct {
	name string
	c    *client.Client
}

// conversation is a pair of accounts; it is written to by one of them only, so that its order is the callers' own.
type conversation struct {
	sender, receiver int
	// name is what the sender calls it.
	name string
}

// Bench holds accounts and clients ready. Measurements run one at a time.
type Bench struct {
	o        Options
	run      string // tells this run's messages and accounts from all others
	accounts []*account
	convs    []conversation
	nodes    []*parleyv1.Member
	measured int          // measurements begun, part of each message's label
	began    time.Time    // zero of the times in messages
	failures atomic.Int64 // logged operations that failed, to bound the log
}

// New makes the accounts, logs them in and connects. It needs a cluster that serves.
func New(ctx context.Context, o Options) (*Bench, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	b := &Bench{o: o, run: hex.EncodeToString(id), began: time.Now()}
	b.accounts = make([]*account, o.Senders)
	b.o.Progress(fmt.Sprintf("making %d accounts", o.Senders))
	if err := b.makeAccounts(ctx); err != nil {
		b.Close()
		return nil, err
	}
	for k := range o.Conversations {
		sender := k % o.Senders
		receiver := (sender + 1 + k/o.Senders) % o.Senders
		b.convs = append(b.convs, conversation{sender: sender, receiver: receiver, name: "@" + b.accounts[receiver].name})
	}
	st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("ask for the members: %w", err)
	}
	b.nodes = st.GetMembers()
	return b, nil
}

// makeAccounts fills b.accounts. Passwords are random, and forgotten with this process.
func (b *Bench) makeAccounts(ctx context.Context) error {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails
	password := hex.EncodeToString(secret)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setupParallel)
	for i := range b.accounts {
		c, err := client.Dial(client.Options{
			Servers: rotated(b.o.Servers, i), TLS: b.o.TLS, Timeout: b.o.Timeout, UserAgent: "parley-bench",
		})
		if err != nil {
			return err
		}
		a := &account{name: fmt.Sprintf("bench-%s-%03d", b.run, i), c: c}
		b.accounts[i] = a
		g.Go(func() error {
			if _, err := c.CreateUser(ctx, &parleyv1.CreateUserRequest{Username: a.name, Password: password}); err != nil {
				return fmt.Errorf("make account %s: %w", a.name, err)
			}
			if _, err := c.Login(ctx, a.name, password, "parley bench"); err != nil {
				return fmt.Errorf("log %s in: %w", a.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// rotated begins the list with another server for each client, so that the clients spread over the nodes.
func rotated(servers []string, i int) []string {
	n := len(servers)
	r := make([]string, 0, n)
	for j := range n {
		r = append(r, servers[(i+j)%n])
	}
	return r
}

// Close ends all clients. The accounts stay: a cluster that is not ours keeps their messages.
func (b *Bench) Close() {
	for _, a := range b.accounts {
		if a != nil {
			_ = a.c.Close()
		}
	}
}

// result begins a Result with what is the same in all.
func (b *Bench) result(op string, callers int) Result {
	return Result{
		Op: op, Callers: callers, Nodes: len(b.nodes), Senders: len(b.accounts), Convs: len(b.convs), Size: b.o.Size,
	}
}

func (b *Bench) pids() []int {
	if b.o.Control == nil {
		return nil
	}
	return b.o.Control.PIDs()
}

// label names one message of this run: which measurement, which caller, its how-manieth, and when its send began, in
// nanoseconds since the bench did. It pads to the size that is asked for.
func (b *Bench) label(measurement, caller, op int, began time.Time) string {
	s := fmt.Sprintf("%s %d %d %d %d ", b.run, measurement, caller, op, began.Sub(b.began).Nanoseconds())
	return pad(s, b.o.Size)
}

// parseLabel is the reverse; false for a message that is not of this run and measurement.
func (b *Bench) parseLabel(text string, measurement int) (caller, op int, began time.Duration, ok bool) {
	var run string
	var m int
	var ns int64
	if _, err := fmt.Sscanf(text, "%s %d %d %d %d", &run, &m, &caller, &op, &ns); err != nil {
		return 0, 0, 0, false
	}
	return caller, op, time.Duration(ns), run == b.run && m == measurement
}

const padding = "the quick brown fox jumps over the lazy dog "

func pad(s string, size int) string {
	buf := make([]byte, 0, size+len(padding))
	buf = append(buf, s...)
	for len(buf) < size {
		buf = append(buf, padding...)
	}
	return string(buf[:max(size, len(s))])
}
