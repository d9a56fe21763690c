package peer

import (
	"sync"

	"go.etcd.io/raft/v3/raftpb"
)

// lanes is the queue of one peer: control messages before appends, each in order, both bounded; and soft state. While the link is down
// it takes nothing: what waits would be stale when the link comes back, and raft sends again by itself.
type lanes struct {
	mu          sync.Mutex
	open        bool
	control     fifo
	append      fifo
	appendBytes int
	// soft are frames of soft state; they ride along with messages, or go when there is none.
	soft [][]byte
	// wake has a token when there may be something to take.
	wake chan struct{}
}

func newLanes() lanes { return lanes{wake: make(chan struct{}, 1)} }

// bulky reports whether a message may wait behind all others.
func bulky(m *raftpb.Message) bool {
	return m.GetType() == raftpb.MsgApp || m.GetType() == raftpb.MsgProp
}

// entryBytes is what a message keeps in memory; the rest of it is small.
func entryBytes(m *raftpb.Message) (n int) {
	for _, e := range m.GetEntries() {
		n += len(e.GetData())
	}
	return n
}

// push queues a message, or reports that there is no room or no link. signal has the writer take it.
func (l *lanes) push(m *raftpb.Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return false
	}
	if bulky(m) {
		n := entryBytes(m)
		if l.append.len() >= maxAppendMessages || l.append.len() > 0 && l.appendBytes+n > maxAppendBytes {
			return false
		}
		l.append.push(m)
		l.appendBytes += n
	} else {
		if l.control.len() >= maxControlMessages {
			return false
		}
		l.control.push(m)
	}
	return true
}

// signal wakes the writer.
func (l *lanes) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// pop takes the next message; nil when there is none.
func (l *lanes) pop() *raftpb.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.control.pop(); m != nil {
		return m
	}
	m := l.append.pop()
	if m != nil {
		l.appendBytes -= entryBytes(m)
	}
	return m
}

// pushSoft queues a frame of soft state, or reports that there is no room or no link.
func (l *lanes) pushSoft(frame []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open || len(l.soft) >= maxSoftFrames {
		return false
	}
	l.soft = append(l.soft, frame)
	return true
}

// popSoft takes the next frame of soft state; nil when there is none.
func (l *lanes) popSoft() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.soft) == 0 {
		return nil
	}
	frame := l.soft[0]
	if l.soft = l.soft[1:]; len(l.soft) == 0 {
		l.soft = nil
	}
	return frame
}

// setOpen opens or shuts the queue; shutting drops what waits and tells how much that was.
func (l *lanes) setOpen(open bool) (dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = open
	if !open {
		dropped = l.control.len() + l.append.len()
		l.control, l.append, l.appendBytes, l.soft = fifo{}, fifo{}, 0, nil
	}
	return dropped
}

// fifo is a queue on a slice; its owner bounds it.
type fifo struct {
	buf  []*raftpb.Message
	head int
}

func (f *fifo) len() int { return len(f.buf) - f.head }

func (f *fifo) push(m *raftpb.Message) {
	if f.head > 64 && f.head > len(f.buf)/2 {
		n := copy(f.buf, f.buf[f.head:])
		clear(f.buf[n:])
		f.buf, f.head = f.buf[:n], 0
	}
	f.buf = append(f.buf, m)
}

func (f *fifo) pop() *raftpb.Message {
	if f.head == len(f.buf) {
		return nil
	}
	m := f.buf[f.head]
	f.buf[f.head] = nil
	f.head++
	if f.head == len(f.buf) {
		f.buf, f.head = f.buf[:0], 0
	}
	return m
}
