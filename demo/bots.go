package demo

import (
	"context"
	"time"

	"github.com/google/uuid"

	"parley/api/client"
	"parley/proto/parleyv1"
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
			active := &parleyv1.SetPresenceRequest{Presence: parleyv1.Presence_PRESENCE_ACTIVE}
			seen, cancel := context.WithTimeout(ctx, callTimeout)
			_, _ = d.o.Bots[l.from].SetPresence(seen, active) // who writes is there; it is no harm when nobody hears of it
			cancel()
			return true
		case ctx.Err() != nil:
			return false
		case client.OutcomeOf(err) == client.Refused:
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
