package demo

import (
	"context"
	"time"

	"github.com/google/uuid"

	"parley/api/client"
	"parley/proto/parleyv1"
	"parley/tui/common"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// pause waits, or reports that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// talk says the script, over and over, and what there is to remark in between.
func (d *Demo) talk(ctx context.Context) {
	for i := 0; ; {
		timer := time.NewTimer(d.o.Pace)
		var l line
		select {
		case l = <-d.cues:
			timer.Stop()
			if !pause(ctx, d.o.Pace/4) { // people do not answer in no time
				return
			}
		case <-timer.C:
			l = script(i, d.o.User)
			i++
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if !d.say(ctx, l) {
			return
		}
	}
}

// attend listens as a bot would, so that it counts as there. What it hears is of no use.
func attend(ctx context.Context, b Bot) {
	for {
		sub := b.Subscribe(ctx, "")
		for {
			if _, err := sub.Next(ctx); err != nil {
				break
			}
		}
		sub.Close()
		if !pause(ctx, againAfter) {
			return
		}
	}
}

// say sends one line until it is acknowledged, with one request id; false when ctx ended first. What the cluster refuses for
// good, such as a room that was left or archived meanwhile, is dropped.
func (d *Demo) say(ctx context.Context, l line) bool {
	req := &parleyv1.SendMessageRequest{RequestId: d.o.NewID(), Conversation: l.to, Text: l.text}
	for {
		try, cancel := context.WithTimeout(ctx, callTimeout)
		resp, err := d.o.Bots[l.from].SendMessage(try, req)
		cancel()
		switch {
		case err == nil:
			d.change(func() { d.ledger.sent(l, resp.GetId()) })
			return true
		case ctx.Err() != nil:
			return false
		case !client.IsUnknown(err) && !client.IsNotApplied(err) && try.Err() == nil:
			return true
		}
		if !pause(ctx, againAfter) {
			return false
		}
	}
}

// count reads what is new in the room, as long as the demo runs.
func (d *Demo) count(ctx context.Context) {
	answers := 0
	reader := d.o.Bots[narrator]
	for after := d.o.SeenTo; pause(ctx, countEvery); {
		d.mu.Lock()
		due := d.ledger.due()
		d.mu.Unlock()
		for {
			try, cancel := context.WithTimeout(ctx, callTimeout)
			resp, err := reader.ReadMessages(try, &parleyv1.ReadMessagesRequest{Conversation: Room, AfterId: after, Limit: page})
			cancel()
			if err != nil {
				break // without a quorum there is nothing to count; the state says since when
			}
			for _, m := range resp.GetMessages() {
				after = max(after, m.GetId())
				if m.GetSender() == d.o.User && answers < maxAnswers {
					d.cue(answerLine(answers, d.o.User, m))
					answers++
				}
			}
			d.change(func() { d.ledger.read(resp.GetMessages(), d.isBot) })
			if !resp.GetMore() {
				d.change(func() { d.ledger.settle(due, time.Now()) })
				break
			}
		}
	}
}

func (d *Demo) isBot(name string) bool { return d.o.Bots[name] != nil }

// ledger compares what was acknowledged with what was read. It keeps only what is open.
type ledger struct {
	s      common.DemoState
	acked  map[uint64]bool   // acknowledged and not read yet
	stored map[uint64]string // read and not acknowledged yet: id to sender
	last   map[string]uint64 // by bot: the newest acknowledged id
	lost   map[uint64]bool
	twice  map[uint64]bool
}

func newLedger() *ledger {
	return &ledger{acked: map[uint64]bool{}, stored: map[uint64]string{}, last: map[string]uint64{},
		lost: map[uint64]bool{}, twice: map[uint64]bool{}}
}

func (l *ledger) sent(said line, id uint64) {
	if said.to != Room {
		return // only what everybody can read is counted
	}
	l.s.Sent++
	l.last[said.from] = max(l.last[said.from], id)
	if _, ok := l.stored[id]; ok {
		delete(l.stored, id)
		l.s.Found++
	} else {
		l.acked[id] = true
	}
	for id, sender := range l.stored {
		if id < l.last[sender] { // one line is under way at a time: this one was stored beside an acknowledged one
			l.twice[id] = true
		}
	}
}

// due are the messages that a read which begins now must show.
func (l *ledger) due() []uint64 {
	ids := make([]uint64, 0, len(l.acked))
	for id := range l.acked {
		ids = append(ids, id)
	}
	return ids
}

func (l *ledger) read(ms []*parleyv1.Message, isBot func(string) bool) {
	for _, m := range ms {
		switch {
		case !isBot(m.GetSender()):
		case l.acked[m.GetId()]:
			delete(l.acked, m.GetId())
			delete(l.lost, m.GetId())
			l.s.Found++
		default:
			l.stored[m.GetId()] = m.GetSender()
		}
	}
}

// settle says what the reads since due did not show.
func (l *ledger) settle(due []uint64, at time.Time) {
	for _, id := range due {
		if l.acked[id] {
			l.lost[id] = true
		}
	}
	l.s.Counted = at
}

func (l *ledger) state() common.DemoState {
	s := l.s
	s.Lost, s.Twice = len(l.lost), len(l.twice)
	return s
}
