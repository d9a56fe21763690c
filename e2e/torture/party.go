package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"parley/api/client"
	"parley/e2e/check"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

// talk is one conversation: two accounts or a room, its clients, and what those were told since the last verification.
type talk struct {
	name string
	// tokens and peers are of its two sides: what a side calls the conversation. Of a room they are two of the members.
	tokens [2][]byte
	peers  [2]string
	// hot conversations have more callers than porcupine can judge.
	hot bool

	writers []*writer
	readers []*reader
	streams []*follower

	mu  sync.Mutex
	ops []check.Op
	// doubts are the requests whose outcome is unknown. The end of the round sends them again.
	doubts []doubt
	// base is the verified history's end; baseID its last message's id.
	base   []check.Message
	baseID uint64
}

// doubt is a request that nobody said anything about.
type doubt struct {
	w   *writer
	req *parleyv1.SendMessageRequest
}

func (t *talk) record(ops ...check.Op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ops = append(t.ops, ops...)
}

// clock is the time that all operations of a run share.
type clock struct{ began time.Time }

func (c clock) now() time.Duration { return time.Since(c.began) }

// party is everybody who talks.
type party struct {
	tb    cluster.TB
	c     *cluster.Cluster
	clock clock
	seed  uint64
	pause time.Duration
	talks []*talk

	tally tally
	stop  chan struct{}
	wg    sync.WaitGroup
	// clients counts the callers.
	clients int
	// pinned are the writers that do not fail over.
	pinned map[int]bool
	// pins are the nodes that they are pinned to.
	pins []string
}

// tally counts what the callers met.
type tally struct {
	sync.Mutex
	acked, reads, unknown, resolved, notApplied, again int
}

func (t *tally) count(what *int) {
	t.Lock()
	defer t.Unlock()
	*what++
}

// writer is one goroutine's.
type writer struct {
	id   int
	name string
	to   string
	cl   *client.Client
	sent int
	r    *rand.Rand
}

// reader reads one conversation through one node; nobody else touches it.
type reader struct {
	id   int
	node string
	to   string
	r    *rand.Rand
	// ask asks the node, with so much patience.
	ask      func(context.Context, *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error)
	patience time.Duration
	close    func()
}

// newParty makes the accounts, and clients of them that begin on different nodes.
func newParty(t cluster.TB, c *cluster.Cluster, o options) *party {
	p := &party{tb: t, c: c, clock: clock{time.Now()}, seed: o.seed, pause: o.pause, pinned: map[int]bool{}}
	for _, n := range c.All()[:pins] {
		p.pins = append(p.pins, n.Name)
	}
	p.talks = append(p.talks, p.newTalk("hot", 0, hotWriters, 0))
	p.talks[0].hot = true
	for i := range pairs {
		p.talks = append(p.talks, p.newTalk(fmt.Sprintf("p%d", i+1), i+1, 2, readersOfPair))
	}
	p.talks = append(p.talks, p.newRoom("#all"))
	return p
}

func (p *party) newTalk(name string, from, writers, readers int) *talk {
	t := &talk{name: name}
	for side := range 2 {
		account := fmt.Sprintf("%s.%c", name, 'a'+side)
		cl := load.Dial(p.tb, client.Options{Servers: p.c.Addresses(from)})
		if err := register(cl, account); err != nil {
			p.tb.Fatalf("%v", err)
		}
		t.tokens[side], t.peers[1-side] = cl.Token(), "@"+account
	}
	for i := range writers {
		side := i % 2
		p.clients++
		w := &writer{
			id: p.clients, name: fmt.Sprintf("%s.%d", name, i), to: t.peers[side], r: p.rand(p.clients),
		}
		o := client.Options{Servers: p.c.Addresses(from + i), Token: t.tokens[side]}
		if writers > 2 && i < hotPinned {
			o.Servers, o.OnlyServers = p.c.Addresses(i % len(p.pins))[:1], true
			p.pinned[w.id] = true
		}
		w.cl = load.Dial(p.tb, o)
		t.writers = append(t.writers, w)
	}
	for i := range readers {
		t.readers = append(t.readers, p.newReader(t, i%2, p.c.Addresses(from + i)[0]))
	}
	for side := range 2 {
		cl := load.Dial(p.tb, client.Options{Servers: p.c.Addresses(from + side), Token: t.tokens[side]})
		t.streams = append(t.streams, follow(p.tb, cl, t.peers[side]))
	}
	return t
}

func (p *party) rand(id int) *rand.Rand { return rand.New(rand.NewPCG(p.seed, uint64(id))) }

func register(cl *client.Client, account string) error {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if _, err := cl.CreateUser(ctx, &parleyv1.CreateUserRequest{Username: account, Password: load.Password}); err != nil {
		return fmt.Errorf("create %s: %w", account, err)
	}
	if _, err := cl.Login(ctx, account, load.Password, "torture"); err != nil {
		return fmt.Errorf("log %s in: %w", account, err)
	}
	return nil
}

// readEverywhere has a reader of the hot conversation at every node that there is now. It is for the time between rounds.
func (p *party) readEverywhere() {
	hot := p.talks[0]
	var kept []*reader
	for i, n := range p.c.All() {
		at := slices.IndexFunc(hot.readers, func(r *reader) bool { return r.node == n.Address })
		if at >= 0 {
			kept = append(kept, hot.readers[at])
			continue
		}
		kept = append(kept, p.newStubborn(hot, i%2, n))
	}
	for _, r := range hot.readers {
		if !slices.Contains(kept, r) {
			r.close() // its node is gone
		}
	}
	hot.readers = kept
}

func (p *party) newReader(t *talk, side int, node string) *reader {
	p.clients++
	cl := load.Dial(p.tb, client.Options{Servers: []string{node}, OnlyServers: true, Token: t.tokens[side]})
	return &reader{
		id: p.clients, node: node, to: t.peers[side], r: p.rand(p.clients), patience: readTimeout,
		ask: cl.ReadMessages, close: func() { _ = cl.Close() },
	}
}

// newStubborn makes a reader that waits on the node for longer than any pause, where the client library would move on: what a
// deposed leader answers when it wakes up must not be old.
func (p *party) newStubborn(t *talk, side int, n *cluster.Node) *reader {
	d, err := n.Direct(t.tokens[side])
	if err != nil {
		p.tb.Fatalf("%s: %v", n.Name, err)
	}
	p.tb.Cleanup(d.Close)
	p.clients++
	return &reader{
		id: p.clients, node: n.Address, to: t.peers[side], r: p.rand(p.clients), patience: stubbornTimeout, close: d.Close,
		ask: func(ctx context.Context, r *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error) {
			return d.Chat.ReadMessages(d.Context(ctx), r)
		},
	}
}

// start has everybody talk until quiet.
func (p *party) start() {
	p.stop = make(chan struct{})
	p.readEverywhere()
	for _, t := range p.talks {
		for _, w := range t.writers {
			// Owned by the party: ends at quiet when its send is acked, and touches its writer and the talk.
			p.wg.Go(func() {
				for pace(p.stop, w.r, p.pause) {
					p.write(t, w)
				}
			})
		}
		for _, r := range t.readers {
			// As above, with its reader.
			p.wg.Go(func() {
				for pace(p.stop, r.r, readPause) {
					p.read(t, r)
				}
			})
		}
	}
}

// quiet lets every writer have its last send acknowledged.
func (p *party) quiet() {
	close(p.stop)
	p.wg.Wait()
}

// pace waits about a pause; false when it is time to stop.
func pace(stop <-chan struct{}, r *rand.Rand, pause time.Duration) bool {
	t := time.NewTimer(time.Duration(r.ExpFloat64() * float64(pause)))
	defer t.Stop()
	select {
	case <-stop:
		return false
	case <-t.C:
		return true
	}
}
