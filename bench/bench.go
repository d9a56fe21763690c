package bench

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// Control kills and restarts nodes of a cluster on this machine, and tells which processes they are. Calls come one after
// another.
type Control interface {
	// Processes are those of all nodes.
	Processes() []Process
	// Kill sends SIGKILL to the node and tells when.
	Kill(name string) (time.Time, error)
	// Restart starts it again and returns when it serves.
	Restart(ctx context.Context, name string) error
}

// Process is a node's.
type Process struct {
	Name string
	PID  int
}

// Via says through which nodes callers go.
type Via string

const (
	// ViaAny leaves it to each client, as in use.
	ViaAny Via = ""
	// ViaLeader, ViaFollowers and ViaAll pin each caller to one node of these, in turn.
	ViaLeader    Via = "leader"
	ViaFollowers Via = "followers"
	ViaAll       Via = "all"
)

// Options say what to load and how. Only Servers is required.
type Options struct {
	Servers []string
	TLS     *tls.Config
	// Senders is how many accounts log in and send, each with a client of its own; callers above that share them.
	Senders int
	// Connections is how many clients' connections the accounts' sessions share, in turn, as behind a gateway; 0: each client has
	// its own.
	Connections int
	// Conversations are written to in turn; there are more when the callers of a measurement do not fit into so many.
	Conversations int
	// Users are made beside the senders and only exist. They need Operator.
	Users int
	// Messages are those of the conversation that ReadDeep and Search make; DefaultMessages when 0.
	Messages int
	// Size of a message in bytes.
	Size int
	// Span is measured, after Warmup.
	Span, Warmup time.Duration
	// Rate of operations in a second, begun whether the cluster keeps up or not; 0: each caller begins when it has its answer.
	Rate float64
	// Via is through which nodes callers go.
	Via Via
	// Timeout of one operation, all retries included; the client's default when 0.
	Timeout time.Duration
	// Control is needed by Failover, and for the figures of processes; nil when the cluster is not ours.
	Control Control
	// Operator may import accounts; nil: they are made one by one, at the price of a password hash each.
	Operator *client.Client
	// Version of this program, for the results.
	Version string
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
	if o.Messages == 0 {
		o.Messages = DefaultMessages
	}
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	switch {
	case o.Senders < 1 || o.Senders > MaxSenders:
		return o, fmt.Errorf("%d senders: choose 1 to %d", o.Senders, MaxSenders)
	case o.Connections < 0 || o.Connections > MaxSenders:
		return o, fmt.Errorf("%d connections: choose up to %d", o.Connections, MaxSenders)
	case o.Connections > 0 && o.Senders > o.Connections*client.MaxSendStreams:
		return o, fmt.Errorf("%d senders over %d connections: choose %d a connection at most", o.Senders, o.Connections, client.MaxSendStreams)
	case o.Conversations < 1 || o.Conversations > MaxConversations:
		return o, fmt.Errorf("%d conversations: choose 1 to %d", o.Conversations, MaxConversations)
	case o.Users < 0 || o.Users > MaxUsers:
		return o, fmt.Errorf("%d users: choose up to %d", o.Users, MaxUsers)
	case o.Users > 0 && o.Operator == nil:
		return o, errors.New("users that only exist are imported: that needs an operator")
	case o.Messages < 1 || o.Messages > MaxMessages:
		return o, fmt.Errorf("a conversation of %d messages: choose 1 to %d", o.Messages, MaxMessages)
	case o.Size < MinSize || o.Size > MaxSize:
		return o, fmt.Errorf("messages of %d bytes: choose %d to %d", o.Size, MinSize, MaxSize)
	case o.Span <= 0 || o.Warmup < 0:
		return o, errors.New("the measured time must be more than nothing")
	case o.Rate < 0 || o.Rate > MaxRate:
		return o, fmt.Errorf("%v operations in a second: choose up to %d", o.Rate, MaxRate)
	}
	switch o.Via {
	case ViaAny, ViaLeader, ViaFollowers, ViaAll:
	default:
		return o, fmt.Errorf("via %q: choose leader, followers or all", o.Via)
	}
	return o, nil
}

// account is one user of the run. c is nil until it logs in: a session of its own, and connections of its own unless
// Options.Connections says otherwise.
type account struct {
	name string
	c    *client.Client
}

// pinned names a client that stays on one node.
type pinned struct {
	address string
	account int
	unary   bool
}

// Bench holds accounts and clients ready. Measurements run one at a time.
type Bench struct {
	o        Options
	run      string // tells this run's messages and accounts from all others
	password string
	accounts []*account // the first Senders have a client
	plan     plan       // of the measurement that runs
	nodes    []*parleyv1.Member
	history  *History     // what ReadDeep and Search look into; nil until they do
	unary    bool         // the measurement that runs makes a call of its own for each send
	measured int          // measurements begun, part of each message's label
	began    time.Time    // zero of the times in messages
	failures atomic.Int64 // logged operations that failed, to bound the log

	mu   sync.Mutex
	pins map[pinned]*client.Client
	// shared are the clients whose connections others use, by their number in place of an account.
	shared map[pinned]*client.Client
}

// New makes the accounts, logs the senders in and connects. It needs a cluster that serves.
func New(ctx context.Context, o Options) (*Bench, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	id, secret := make([]byte, 4), make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	_, _ = rand.Read(secret)
	b := &Bench{
		o: o, run: hex.EncodeToString(id), password: hex.EncodeToString(secret), began: time.Now(),
		pins: make(map[pinned]*client.Client), shared: make(map[pinned]*client.Client),
	}
	if err := b.prepare(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Bench) prepare(ctx context.Context) error {
	if err := b.makeAccounts(ctx, poolFor(b.o.Senders, b.o.Conversations)); err != nil {
		return err
	}
	if err := b.makeUsers(ctx); err != nil {
		return err
	}
	b.o.Progress(fmt.Sprintf("logging %d accounts in", b.o.Senders))
	senders := make([]int, b.o.Senders)
	for i := range senders {
		senders[i] = i
	}
	if err := b.login(ctx, senders); err != nil {
		return err
	}
	st, err := b.accounts[0].c.Status(ctx, &parleyv1.StatusRequest{})
	if err != nil {
		return fmt.Errorf("ask for the members: %w", err)
	}
	b.nodes = st.GetMembers()
	return nil
}

// Close ends all clients. The accounts stay: a cluster that is not ours keeps their messages.
func (b *Bench) Close() {
	for _, a := range b.accounts {
		if a.c != nil {
			_ = a.c.Close()
		}
	}
	b.unpin()
	for _, c := range b.shared {
		_ = c.Close()
	}
}

// next begins a measurement and numbers it.
func (b *Bench) next() int {
	b.unpin()
	b.measured++
	return b.measured
}

// result begins a Result with what is the same in all.
func (b *Bench) result(op string, callers int) Result {
	senders := min(callers, b.o.Senders)
	return Result{
		Op: op, Callers: callers, Nodes: len(b.nodes), Senders: senders, Connections: min(b.o.Connections, senders),
		Convs: conversationsFor(senders, b.o.Conversations), Size: b.o.Size,
		Rate: b.o.Rate, Via: b.o.Via, Users: b.o.Users, Version: b.o.Version,
	}
}

func (b *Bench) processes() []Process {
	if b.o.Control == nil {
		return nil
	}
	return b.o.Control.Processes()
}
