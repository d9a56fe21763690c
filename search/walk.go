package search

import "sort"

// walker goes through a list of message ids from the newest to the oldest. at is the id where it stands, 0 at the end.
type walker interface {
	at() uint64
	// seek moves to the greatest id that is not above the one given, and not above where it stands.
	seek(id uint64) error
}

// listWalker walks a list in memory.
type listWalker struct{ ids []uint64 }

func (w *listWalker) at() uint64 {
	if len(w.ids) == 0 {
		return 0
	}
	return w.ids[len(w.ids)-1]
}

func (w *listWalker) seek(id uint64) error {
	if w.at() > id {
		n := len(w.ids) - 1
		if n > 0 && w.ids[n-1] > id {
			n = sort.Search(n, func(i int) bool { return w.ids[i] > id })
		}
		w.ids = w.ids[:n]
	}
	return nil
}

// docWalker walks a table in memory.
type docWalker struct{ docs []doc }

func (w *docWalker) at() uint64 {
	if len(w.docs) == 0 {
		return 0
	}
	return w.docs[len(w.docs)-1].id
}

func (w *docWalker) seek(id uint64) error {
	if w.at() > id {
		w.docs = w.docs[:sort.Search(len(w.docs), func(i int) bool { return w.docs[i].id > id })]
	}
	return nil
}

// union walks several lists as one. A list is opened when the walk comes to where it may begin, so that a page of new messages
// touches the newest segments only.
type union struct {
	parts []part // a heap: the greatest at first
}

type part struct {
	top  uint64 // where it stands, or the most that it may begin with
	w    walker // nil until it is opened
	open func() (walker, error)
}

// add puts a list in; top is the greatest id that it may have. open may return nil for an empty one.
func (u *union) add(top uint64, open func() (walker, error)) {
	if top > 0 {
		u.parts = append(u.parts, part{top: top, open: open})
	}
}

// begin orders the parts and stands at the first id.
func (u *union) begin() error {
	for i := len(u.parts)/2 - 1; i >= 0; i-- {
		u.sift(i)
	}
	return u.settle(^uint64(0))
}

func (u *union) at() uint64 {
	if len(u.parts) == 0 {
		return 0
	}
	return u.parts[0].top
}

func (u *union) seek(id uint64) error { return u.settle(id) }

// settle moves every part down to id at the most, until the first one is open.
func (u *union) settle(id uint64) error {
	for len(u.parts) > 0 {
		p := &u.parts[0]
		if p.w != nil && p.top <= id {
			return nil
		}
		if p.w == nil {
			w, err := p.open()
			if err != nil {
				return err
			}
			if w == nil {
				u.drop()
				continue
			}
			p.w = w
		}
		if err := p.w.seek(id); err != nil {
			return err
		}
		if p.top = p.w.at(); p.top == 0 {
			u.drop()
			continue
		}
		u.sift(0)
	}
	return nil
}

// drop takes the first part out.
func (u *union) drop() {
	last := len(u.parts) - 1
	u.parts[0] = u.parts[last]
	u.parts[last] = part{}
	u.parts = u.parts[:last]
	u.sift(0)
}

func (u *union) sift(i int) {
	for {
		c := 2*i + 1
		if c >= len(u.parts) {
			return
		}
		if c+1 < len(u.parts) && u.parts[c+1].top > u.parts[c].top {
			c++
		}
		if u.parts[i].top >= u.parts[c].top {
			return
		}
		u.parts[i], u.parts[c] = u.parts[c], u.parts[i]
		i = c
	}
}

// meet moves walkers down to the greatest id, at most top, at which all of them stand; 0 when there is none.
func meet(ws []walker, top uint64) (uint64, error) {
	for i := 0; i < len(ws); {
		if err := ws[i].seek(top); err != nil {
			return 0, err
		}
		at := ws[i].at()
		if at == 0 {
			return 0, nil
		}
		if at < top {
			if top = at; i > 0 {
				i = 0
				continue
			}
		}
		i++
	}
	return top, nil
}
