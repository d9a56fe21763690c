package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// state is the conversation after some appends: a list that shares its tail with every earlier state.
type state struct {
	Message
	prev *state
	// chain stands for the whole list.
	chain uint64
}

func (s *state) push(id uint64, k Key) *state {
	n := &state{Message: Message{ID: id, Seq: s.seq() + 1, Key: k}, prev: s}
	n.chain = (s.sum()^uint64(k))*0x9e3779b97f4a7c15 + n.Seq
	return n
}

func (s *state) seq() uint64 {
	if s == nil {
		return 0
	}
	return s.Seq
}

func (s *state) sum() uint64 {
	if s == nil {
		return 0
	}
	return s.chain
}

// find returns where the request stands; nil when it has not taken effect.
func (s *state) find(k Key) *state {
	for ; s != nil; s = s.prev {
		if s.Key == k {
			return s
		}
	}
	return nil
}

// shows tells whether a read of this state returns the page.
func (s *state) shows(page []Message) bool {
	if len(page) < PageSize && len(page) != s.len(PageSize) {
		return false
	}
	for i := len(page) - 1; i >= 0; i-- {
		if s == nil || s.Seq != page[i].Seq || s.Key != page[i].Key {
			return false
		}
		s = s.prev
	}
	return true
}

// len counts the messages, at most limit.
func (s *state) len(limit int) int {
	n := 0
	for ; s != nil && n < limit; s = s.prev {
		n++
	}
	return n
}

// input is an Op for porcupine, which keeps input and output apart; all of it is in the input.
type input struct {
	Op
	// again tells that other operations carry the same key.
	again bool
}

// step is the sequential chat: what it does with one operation, and whether its answer was that.
func step(s *state, in *input) (bool, *state) {
	if in.Read {
		return s.shows(in.Page), s
	}
	if in.again {
		if at := s.find(in.Key); at != nil {
			return in.Outcome == Unknown && in.Seq == 0 || at.Seq == in.Seq, s
		}
	}
	if in.Seq != 0 && in.Seq != s.seq()+1 {
		return false, s
	}
	return true, s.push(in.ID, in.Key)
}

// Model looks for an order of the operations that explains every answer. What is not known about an append, the final
// history settles: one that is not there has had no effect that anybody could see.
func Model(h *History, patience time.Duration) Findings {
	var f Findings
	var base *state
	for _, m := range h.Base {
		// The messages before the base's first are not known, and no operation asks for them.
		if base == nil {
			base = &state{Message: m, chain: m.Seq}
			continue
		}
		base = base.push(m.ID, m.Key)
	}
	model := porcupine.Model{
		Init: func() any { return base },
		Step: func(s, in, _ any) (bool, any) {
			ok, next := step(s.(*state), in.(*input))
			return ok, next
		},
		Equal: func(a, b any) bool {
			x, y := a.(*state), b.(*state)
			return x.seq() == y.seq() && x.sum() == y.sum()
		},
	}
	switch porcupine.CheckOperationsTimeout(model, operations(h), patience) {
	case porcupine.Ok:
	case porcupine.Illegal:
		f.Say(&f.Illegal, "%s: no order of its %d operations explains their answers", h.Name, len(h.Ops))
	case porcupine.Unknown:
		f.Say(&f.Unverified, "%s: no verdict on %d operations in %s", h.Name, len(h.Ops), patience)
	}
	return f
}

// operations gives porcupine what took effect, and the final read.
func operations(h *History) []porcupine.Operation {
	final := map[Key]Message{}
	for _, m := range h.Final {
		final[m.Key] = m
	}
	// A request that is there although nobody says that it may be has no operation, so the final read shows that.
	seen := map[Key]int{}
	for _, op := range h.Ops {
		if !op.Read {
			seen[op.Key]++
		}
	}
	end := time.Duration(0)
	var ops []porcupine.Operation
	for i := range h.Ops {
		in := &input{Op: h.Ops[i], again: seen[h.Ops[i].Key] > 1}
		end = max(end, in.Call)
		switch {
		case in.Outcome == NotApplied && !in.Read:
			continue
		case in.Outcome == Unknown && !in.Read:
			m, there := final[in.Key]
			if !there {
				continue
			}
			in.ID, in.Seq, in.Return = m.ID, m.Seq, Never
		default:
			end = max(end, in.Return)
		}
		ops = append(ops, porcupine.Operation{ClientId: in.Client, Input: in, Call: int64(in.Call), Return: int64(in.Return)})
	}
	end++
	for i := range ops {
		if time.Duration(ops[i].Return) == Never {
			ops[i].Return = int64(end) // the final read comes after it: the message is there
		}
	}
	page := slices.Concat(h.Base, h.Final)
	page = page[max(0, len(page)-PageSize):]
	ops = append(ops, porcupine.Operation{
		Input: &input{Op: Op{Read: true, Page: page}}, Call: int64(end + 1), Return: int64(end + 2),
	})
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return ops
}
