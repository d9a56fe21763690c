package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const patience = 20 * time.Second

// chat is one honest copy of a conversation, with callers whose operations overlap.
type chat struct {
	r        *rand.Rand
	messages []Message
	base     int
	now      time.Duration
	h        History
}

// honest records n operations of some clients on an honest chat. Each takes effect at a moment of its own between call and
// return; some outcomes are unknown, of which some took effect, and some were not applied.
func honest(seed uint64, n, clients, base int) *chat {
	c := &chat{r: rand.New(rand.NewPCG(seed, 1)), base: base}
	for i := range base {
		c.append(KeyOf(fmt.Sprint("base", i)))
	}
	c.h.Name = fmt.Sprintf("seed %d", seed)
	c.h.Base = slices.Clone(c.page())
	free := make([]time.Duration, clients) // when each client's last operation returned
	type acked struct {
		key Key
		op  Op
	}
	var known []acked
	for i := range n {
		// The effects come in this order, a microsecond apart; calls and returns lie around them.
		c.now += time.Microsecond
		client := c.r.IntN(clients)
		for free[client] >= c.now {
			client = (client + 1) % clients
			if client == 0 {
				c.now += time.Microsecond
			}
		}
		call := c.now - time.Duration(c.r.Int64N(int64(c.now-free[client])))
		ret := c.now + time.Duration(c.r.IntN(3*clients))*time.Microsecond/2
		op := Op{Client: client, Call: call, Return: ret, Key: KeyOf(fmt.Sprint(i))}
		free[client] = ret
		switch p := c.r.IntN(100); {
		case p < 40:
			op = Op{Client: client, Call: call, Return: ret, Read: true, Page: slices.Clone(c.page())}
		case p < 44 && len(known) > 0: // sent again after it was acknowledged: the same answer
			k := known[c.r.IntN(len(known))]
			op = k.op
			op.Client, op.Call, op.Return = client, call, ret
		case p < 48:
			op.Outcome, op.Return = Unknown, Never
			if c.r.IntN(2) == 0 {
				c.append(op.Key)
			}
		case p < 52:
			op.Outcome = NotApplied
		default:
			op.Outcome = Acked
			m := c.append(op.Key)
			op.ID, op.Seq = m.ID, m.Seq
			known = append(known, acked{op.Key, op})
		}
		c.h.Ops = append(c.h.Ops, op)
	}
	c.h.Final = slices.Clone(c.messages[base:])
	return c
}

func (c *chat) append(k Key) Message {
	id := uint64(1)
	if n := len(c.messages); n > 0 {
		id = c.messages[n-1].ID + 1 + c.r.Uint64N(3)
	}
	m := Message{ID: id, Seq: uint64(len(c.messages)) + 1, Key: k}
	c.messages = append(c.messages, m)
	return m
}

func (c *chat) page() []Message { return c.messages[max(0, len(c.messages)-PageSize):] }

// verdicts asks both checkers.
func verdicts(h *History) (model, linear Findings) { return Model(h, patience), Ordered(h) }

func TestHonestHistoriesPass(t *testing.T) {
	for seed := range uint64(100) {
		c := honest(seed, 400, 1+int(seed%5), int(seed%40))
		if model, linear := verdicts(&c.h); !model.Clean() || !linear.Clean() {
			t.Fatalf("seed %d: model %+v, ordered %+v; expected nothing", seed, model, linear)
		}
	}
}

// A hot conversation: a thousand times what the model can judge.
func TestOrderedTakesManyClients(t *testing.T) {
	c := honest(1, 100_000, 50, 0)
	if f := Ordered(&c.h); !f.Clean() {
		t.Errorf("%+v; expected nothing", f)
	}
}

// lie bends an honest history; false when this one offers no place for it.
type lie struct {
	name string
	bend func(c *chat) bool
	// counted tells whether the findings name it; the model only knows that something is illegal.
	counted func(f Findings) bool
}

func illegal(f Findings) bool { return f.Illegal > 0 }

var lies = []lie{
	{"stale read", func(c *chat) bool {
		// A read shows what stood one message before the last acknowledgement that precedes it.
		for i := len(c.h.Ops) - 1; i >= 0; i-- {
			read := &c.h.Ops[i]
			if !read.Read || head(read.Page) <= uint64(c.base)+1 {
				continue
			}
			for _, op := range c.h.Ops {
				if op.Outcome == Acked && op.Seq == head(read.Page) && op.Return < read.Call {
					n := int(op.Seq) - 1
					read.Page = slices.Clone(c.messages[max(0, n-PageSize):n])
					return true
				}
			}
		}
		return false
	}, illegal},
	{"lost acknowledgement", func(c *chat) bool {
		for i, m := range slices.Backward(c.h.Final) {
			if isAcked(c, m.Key) {
				// All after it move up, in what callers were told as well: only the loss itself is wrong.
				drop(c, i)
				return true
			}
		}
		return false
	}, func(f Findings) bool { return f.Lost > 0 }},
	{"duplicate", func(c *chat) bool {
		for _, m := range c.h.Final {
			if isAcked(c, m.Key) {
				last := c.h.Final[len(c.h.Final)-1]
				c.h.Final = append(c.h.Final, Message{ID: last.ID + 1, Seq: last.Seq + 1, Key: m.Key})
				return true
			}
		}
		return false
	}, func(f Findings) bool { return f.Duplicated > 0 }},
	{"reorder", func(c *chat) bool {
		// Two neighbours change places, everywhere, although the first was acknowledged before the second was sent.
		for i := range len(c.h.Final) - 1 {
			a, b := only(c, c.h.Final[i].Key), only(c, c.h.Final[i+1].Key)
			if a == nil || b == nil || a.Return >= b.Call || readBetween(c, a.Seq) {
				continue
			}
			c.h.Final[i].Key, c.h.Final[i+1].Key = b.Key, a.Key
			a.Seq, b.Seq = b.Seq, a.Seq
			a.ID, b.ID = b.ID, a.ID
			for j := range c.h.Ops {
				for k := range c.h.Ops[j].Page {
					switch m := &c.h.Ops[j].Page[k]; m.Key {
					case a.Key:
						m.Key = b.Key
					case b.Key:
						m.Key = a.Key
					}
				}
			}
			return true
		}
		return false
	}, func(f Findings) bool { return f.Reordered > 0 }},
	{"'not applied' that was applied", func(c *chat) bool {
		for _, op := range c.h.Ops {
			if op.Outcome == NotApplied {
				last := c.h.Final[len(c.h.Final)-1]
				c.h.Final = append(c.h.Final, Message{ID: last.ID + 1, Seq: last.Seq + 1, Key: op.Key})
				return true
			}
		}
		return false
	}, illegal},
	{"read from the future", func(c *chat) bool {
		for i := range c.h.Ops {
			if read := &c.h.Ops[i]; read.Read && read.Return < c.now/2 {
				read.Page = slices.Clone(c.page())
				return true
			}
		}
		return false
	}, illegal},
	{"torn read", func(c *chat) bool {
		for i := range c.h.Ops {
			if read := &c.h.Ops[i]; read.Read && len(read.Page) > 2 {
				read.Page = slices.Delete(read.Page, 1, 2)
				return true
			}
		}
		return false
	}, illegal},
}

// TestLiesAreCaught is the control: each checker finds each lie in every history that has a place for it.
func TestLiesAreCaught(t *testing.T) {
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			told := 0
			for seed := range uint64(40) {
				c := honest(seed, 200, 1+int(seed%4), int(seed%3)*10)
				if !l.bend(c) {
					continue
				}
				told++
				model, linear := verdicts(&c.h)
				if !illegal(model) {
					t.Errorf("seed %d: the model says %+v; expected illegal", seed, model)
				}
				if !l.counted(linear) {
					t.Errorf("seed %d: ordered says %+v; expected the lie", seed, linear)
				}
			}
			if told < 20 {
				t.Errorf("only %d of 40 histories had a place for it", told)
			}
		})
	}
}

// Not knowing is a failure.
func TestModelWithoutTimeIsUnverified(t *testing.T) {
	c := honest(1, 20_000, 50, 0)
	if f := Model(&c.h, time.Nanosecond); f.Unverified != 1 || f.Clean() {
		t.Errorf("%+v; expected one unverified history", f)
	}
}

func TestStream(t *testing.T) {
	want := honest(1, 200, 3, 0).h.Final
	swap := slices.Clone(want)
	swap[3], swap[4] = swap[4], swap[3]
	for _, c := range []struct {
		name string
		got  []Message
		want func(f Findings) bool
	}{
		{"the same", want, func(f Findings) bool { return f.Clean() }},
		{"a gap", slices.Delete(slices.Clone(want), 3, 4), func(f Findings) bool { return f.Lost == 1 }},
		{"the end is missing", want[:len(want)-1], func(f Findings) bool { return f.Lost == 1 }},
		{"one twice", slices.Insert(slices.Clone(want), 4, want[3]), func(f Findings) bool { return f.Duplicated == 1 }},
		{"two swapped", swap, func(f Findings) bool { return !f.Clean() }},
	} {
		if f := Stream(c.name, c.got, want); !c.want(f) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

func isAcked(c *chat, k Key) bool {
	return slices.ContainsFunc(c.h.Ops, func(op Op) bool { return op.Outcome == Acked && op.Key == k })
}

// only returns the one operation of the key, if it is acknowledged and there is no other.
func only(c *chat, k Key) *Op {
	var found *Op
	for i := range c.h.Ops {
		if op := &c.h.Ops[i]; !op.Read && op.Key == k {
			if found != nil || op.Outcome != Acked {
				return nil
			}
			found = op
		}
	}
	return found
}

// readBetween tells whether a read shows the message and not the one after it: swapping the two would be seen there too.
func readBetween(c *chat, seq uint64) bool {
	return slices.ContainsFunc(c.h.Ops, func(op Op) bool { return op.Read && head(op.Page) == seq })
}

// drop removes the i-th final message as if it had never been there.
func drop(c *chat, i int) {
	gone := c.h.Final[i]
	c.h.Final = slices.Delete(c.h.Final, i, i+1)
	for j := i; j < len(c.h.Final); j++ {
		c.h.Final[j].Seq--
	}
	kept := c.h.Ops[:0]
	for _, op := range c.h.Ops {
		if op.Read {
			if head(op.Page) >= gone.Seq {
				continue
			}
		} else if op.Outcome == Acked && op.Seq > gone.Seq {
			op.Seq--
		}
		kept = append(kept, op)
	}
	c.h.Ops = kept
}
