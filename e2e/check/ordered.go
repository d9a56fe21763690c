package check

import (
	"cmp"
	"slices"
	"time"
)

// span is when a message may have taken effect: after some caller asked for it and before it was first acknowledged.
type span struct{ call, acked time.Duration }

// Ordered judges a history in n log n. Every message and every read has a place in the order, by its seq; the order is
// possible if no operation returned before another one was invoked that stands before it.
func Ordered(h *History) Findings {
	o := ordered{h: h, at: map[Key]int{}}
	for _, m := range h.Base {
		o.base = m.Seq
	}
	o.checkFinal()
	o.checkAppends()
	if !o.f.Clean() {
		return o.f // without a sound order the rest would only repeat it
	}
	o.checkRealTime()
	o.checkReads()
	return o.f
}

type ordered struct {
	f Findings
	h *History
	// base is the seq before the first of Final.
	base uint64
	// at is the position in Final, by key; spans are as long as Final.
	at    map[Key]int
	spans []span
}

// checkFinal holds the conversation to its own rules.
func (o *ordered) checkFinal() {
	want, id := o.base+1, uint64(0)
	for i, m := range o.h.Final {
		if m.Seq != want {
			o.f.Say(&o.f.Reordered, "%s: want seq %d, got %d (id %d)", o.h.Name, want, m.Seq, m.ID)
		}
		want = m.Seq + 1
		if m.ID <= id {
			o.f.Say(&o.f.Reordered, "%s: id %d follows id %d", o.h.Name, m.ID, id)
		}
		id = m.ID
		if j, there := o.at[m.Key]; there {
			o.f.Say(&o.f.Duplicated, "%s: seq %d and %d are one request", o.h.Name, o.h.Final[j].Seq, m.Seq)
			continue
		}
		o.at[m.Key] = i
		o.spans = append(o.spans, span{call: Never, acked: Never})
	}
}

// checkAppends holds what callers were told to what is there.
func (o *ordered) checkAppends() {
	if !o.f.Clean() {
		return
	}
	refused := map[Key]bool{}
	for _, op := range o.h.Ops {
		if op.Read {
			continue
		}
		i, there := o.at[op.Key]
		switch {
		case op.Outcome == NotApplied:
			refused[op.Key] = true
		case op.Outcome == Acked && !there:
			o.f.Say(&o.f.Lost, "%s: what was acked as seq %d id %d at %s is not there", o.h.Name, op.Seq, op.ID, op.Return)
		case op.Outcome == Acked:
			if m := o.h.Final[i]; m.Seq != op.Seq || m.ID != op.ID {
				o.f.Say(&o.f.Reordered, "%s: acked as seq %d id %d, stands as seq %d id %d", o.h.Name, op.Seq, op.ID, m.Seq, m.ID)
			}
			o.spans[i].call = min(o.spans[i].call, op.Call)
			o.spans[i].acked = min(o.spans[i].acked, op.Return)
		case there:
			o.spans[i].call = min(o.spans[i].call, op.Call)
		}
	}
	for i, s := range o.spans {
		if s.call != Never {
			continue
		}
		m := o.h.Final[i]
		if refused[m.Key] {
			o.f.Say(&o.f.Illegal, "%s: seq %d was said to be not applied", o.h.Name, m.Seq)
		} else {
			o.f.Say(&o.f.Illegal, "%s: nobody sent seq %d", o.h.Name, m.Seq)
		}
	}
}

// checkRealTime finds a message that was acknowledged before one was invoked that stands before it.
func (o *ordered) checkRealTime() {
	earliest, who := Never, uint64(0)
	for i := len(o.spans) - 1; i >= 0; i-- {
		if earliest < o.spans[i].call {
			o.f.Say(&o.f.Reordered, "%s: seq %d was invoked at %s, after seq %d had been acked at %s",
				o.h.Name, o.h.Final[i].Seq, o.spans[i].call, who, earliest)
		}
		if o.spans[i].acked < earliest {
			earliest, who = o.spans[i].acked, o.h.Final[i].Seq
		}
	}
}

// event is something that raises the least head that a later read must show.
type event struct {
	at  time.Duration
	seq uint64
}

// checkReads places every read after the message at its head.
func (o *ordered) checkReads() {
	all := slices.Concat(o.h.Base, o.h.Final)
	// invoked is, for each position of Final, when the last of all up to it was invoked.
	invoked := make([]time.Duration, len(o.spans))
	var floor []event
	for i, s := range o.spans {
		invoked[i] = s.call
		if i > 0 {
			invoked[i] = max(invoked[i-1], s.call)
		}
		floor = append(floor, event{s.acked, o.h.Final[i].Seq})
	}
	var reads []*Op
	for i := range o.h.Ops {
		op := &o.h.Ops[i]
		if !op.Read {
			continue
		}
		if !o.isPrefix(all, op.Page) {
			o.f.Say(&o.f.Illegal, "%s: the read at %s returned a page that no prefix ends with: %v", o.h.Name, op.Call, op.Page)
			continue
		}
		if seq := head(op.Page); seq > o.base && op.Return < invoked[seq-o.base-1] {
			o.f.Say(&o.f.Illegal, "%s: the read that returned at %s shows up to seq %d, of which some was invoked later",
				o.h.Name, op.Return, seq)
		}
		reads = append(reads, op)
		floor = append(floor, event{op.Return, head(op.Page)})
	}
	slices.SortFunc(floor, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	slices.SortFunc(reads, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	least := o.base
	for _, r := range reads {
		for len(floor) > 0 && floor[0].at < r.Call {
			least = max(least, floor[0].seq)
			floor = floor[1:]
		}
		if got := head(r.Page); got < least {
			o.f.Say(&o.f.Illegal, "%s: stale: the read invoked at %s shows seq %d, seq %d was known before",
				o.h.Name, r.Call, got, least)
		}
	}
}

// isPrefix tells whether some prefix of the conversation ends with the page.
func (o *ordered) isPrefix(all, page []Message) bool {
	seq := head(page)
	if len(all) == 0 || seq == 0 {
		return len(page) == 0 && (len(o.h.Base) == 0)
	}
	first := all[0].Seq
	if seq < first || seq >= first+uint64(len(all)) {
		return false
	}
	end := int(seq-first) + 1
	if len(page) < PageSize && uint64(len(page)) != seq {
		return false
	}
	return len(page) <= end && slices.Equal(all[end-len(page):end], page)
}

// Stream judges what a subscriber was shown of a conversation against the conversation.
func Stream(name string, got, want []Message) Findings {
	var f Findings
	for i := range min(len(got), len(want)) {
		if got[i] == want[i] {
			continue
		}
		counter := &f.Reordered
		if i > 0 && got[i].Seq <= got[i-1].Seq {
			counter = &f.Duplicated
		} else if got[i].Seq > want[i].Seq {
			counter = &f.Lost
		}
		f.Say(counter, "%s: the stream shows seq %d id %d where seq %d id %d stands",
			name, got[i].Seq, got[i].ID, want[i].Seq, want[i].ID)
		return f
	}
	switch {
	case len(got) < len(want):
		f.Say(&f.Lost, "%s: the stream shows %d of %d messages", name, len(got), len(want))
	case len(got) > len(want):
		f.Say(&f.Duplicated, "%s: the stream shows %d messages, there are %d", name, len(got), len(want))
	}
	return f
}
