package node

import (
	"sync"

	pb "go.etcd.io/raft/v3/raftpb"
)

// mailbox is an ordered queue into one worker: put never blocks, wait hands over everything there is. What bounds it is
// said where it is made.
type mailbox[T any] struct {
	mu     sync.Mutex
	items  []T
	closed bool
	wake   chan struct{}
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{wake: make(chan struct{}, 1)} }

// put adds items; after close they are lost. None wake nobody.
func (m *mailbox[T]) put(items ...T) {
	if len(items) == 0 {
		return
	}
	m.mu.Lock()
	if !m.closed {
		m.items = append(m.items, items...)
	}
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox[T]) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// wait blocks until there is something, and takes it all; false once the mailbox is closed and empty.
func (m *mailbox[T]) wait() ([]T, bool) {
	for {
		m.mu.Lock()
		items, closed := m.items, m.closed
		m.items = nil
		m.mu.Unlock()
		if len(items) > 0 {
			return items, true
		}
		if closed {
			m.signal() // for another that waits
			return nil, false
		}
		<-m.wake
	}
}

func (m *mailbox[T]) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.signal()
}

// inbox is what reaches the loop from other goroutines. One wake-up serves all that arrived since the last one.
type inbox struct {
	mu        sync.Mutex
	room      *sync.Cond // signalled when messages were taken
	wake      chan struct{}
	stopped   bool
	gathers   bool          // commands alone do not wake the loop
	gathered  int           // commands that the loop holds already
	messages  []*pb.Message // from peers; bounded by maxInboxMessages
	proposals []*proposal   // bounded by what callers may have under way; core bounds what it keeps
	reads     *readBatch    // likewise; nil when nobody reads
	calls     []func(*core) // from the workers and the transport: bounded by what they have in hand
}

func newInbox() *inbox {
	b := &inbox{wake: make(chan struct{}, 1)}
	b.room = sync.NewCond(&b.mu)
	return b
}

// inputs is what the loop takes in one turn.
type inputs struct {
	messages  []*pb.Message
	proposals []*proposal
	reads     *readBatch
	calls     []func(*core)
}

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// message adds a peer's message, and waits while the loop is far behind.
func (b *inbox) message(m *pb.Message) {
	b.mu.Lock()
	for len(b.messages) >= maxInboxMessages && !b.stopped {
		b.room.Wait()
	}
	b.messages = append(b.messages, m)
	b.mu.Unlock()
	b.signal()
}

// propose reports whether the loop will see the proposals. It does not wake a loop that gathers commands, unless they fill
// an entry: what ends the gathering wakes it.
func (b *inbox) propose(ps ...*proposal) bool {
	b.mu.Lock()
	ok := !b.stopped
	if ok {
		b.proposals = append(b.proposals, ps...)
	}
	wake := !b.gathers || b.gathered+len(b.proposals) >= maxEntryCommands
	b.mu.Unlock()
	if wake {
		b.signal()
	}
	return ok
}

// gather tells whether commands alone need not wake the loop from now on, and how many it holds already. The loop calls it
// between two turns; what came in between is looked at again.
func (b *inbox) gather(on bool, held int) {
	b.mu.Lock()
	b.gathers, b.gathered = on, held
	wake := len(b.proposals) > 0 && (!on || held+len(b.proposals) >= maxEntryCommands)
	b.mu.Unlock()
	if wake {
		b.signal()
	}
}

// read adds a reader to those whom the loop takes next, and returns what they all wait for; nil when the loop takes nobody any
// more. Only the first of them wakes the loop.
func (b *inbox) read() *readBatch {
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		return nil
	}
	first := b.reads == nil
	if first {
		b.reads = newReadBatch()
	}
	batch := b.reads
	batch.wait.readers++
	b.mu.Unlock()
	if first {
		b.signal()
	}
	return batch
}

// call has the loop run f on core. It reports whether it will.
func (b *inbox) call(f func(*core)) bool { return b.add(func() { b.calls = append(b.calls, f) }) }

// add reports whether the loop still takes what put leaves, and wakes it.
func (b *inbox) add(put func()) bool {
	b.mu.Lock()
	ok := !b.stopped
	if ok {
		put()
	}
	b.mu.Unlock()
	b.signal()
	return ok
}

// take empties the inbox.
func (b *inbox) take() inputs {
	b.mu.Lock()
	in := inputs{b.messages, b.proposals, b.reads, b.calls}
	b.messages, b.proposals, b.reads, b.calls = nil, nil, nil, nil
	b.mu.Unlock()
	b.room.Broadcast()
	return in
}

// stop refuses everything from now on; what is inside is still taken.
func (b *inbox) stop() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.room.Broadcast()
	b.signal()
}
