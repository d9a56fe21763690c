package main

import (
	"context"
	"fmt"
	"time"

	"parley/api/client"
	"parley/e2e/check"
	"parley/proto/parleyv1"
)

// write sends one message: mostly until it is acknowledged, sometimes giving up, sometimes once more than needed.
func (p *party) write(t *talk, w *writer) {
	w.sent++
	req := &parleyv1.SendMessageRequest{
		RequestId: client.NewRequestID(), Conversation: w.to, Text: fmt.Sprintf("%s/%d", w.name, w.sent),
	}
	op := check.Op{Client: w.id, Call: p.clock.now(), Key: check.KeyOf(req.GetText())}
	if w.r.IntN(100) < impatientPercent {
		most := maxImpatience
		if w.r.IntN(8) == 0 {
			most = maxWaiting
		}
		patience := minImpatience + time.Duration(w.r.Int64N(int64(most-minImpatience)))
		resp, err := send(w, req, patience)
		switch {
		case err == nil:
			p.acked(t, op, resp)
		case client.OutcomeOf(err) == client.NotApplied:
			op.Outcome, op.Return = check.NotApplied, p.clock.now()
			t.record(op)
			p.tally.count(&p.tally.notApplied)
		default:
			p.refused(w, req, err)
			op.Outcome, op.Return = check.Unknown, check.Never
			t.record(op)
			t.mu.Lock()
			t.doubts = append(t.doubts, doubt{w, req})
			t.mu.Unlock()
			p.tally.count(&p.tally.unknown)
		}
		return
	}
	p.insist(t, w, req, op)
	if w.r.IntN(100) < againPercent {
		p.tally.count(&p.tally.again)
		p.insist(t, w, req, check.Op{Client: w.id, Call: p.clock.now(), Key: op.Key})
	}
}

// insist sends until there is a result. A request that gets none for too long fails the run.
func (p *party) insist(t *talk, w *writer, req *parleyv1.SendMessageRequest, op check.Op) {
	began := time.Now()
	for {
		resp, err := send(w, req, callTimeout)
		if err == nil {
			p.acked(t, op, resp)
			return
		}
		p.refused(w, req, err)
		if time.Since(began) > ackPatience {
			p.tb.Errorf("%q of %s got no answer in %s: %v", req.GetText(), w.name, ackPatience, err)
			op.Outcome, op.Return = check.Unknown, check.Never
			t.record(op)
			return
		}
	}
}

func (p *party) acked(t *talk, op check.Op, resp *parleyv1.SendMessageResponse) {
	op.Outcome, op.Return, op.ID, op.Seq = check.Acked, p.clock.now(), resp.GetId(), resp.GetSeq()
	t.record(op)
	p.tally.count(&p.tally.acked)
}

// refused fails the run when a node judged a good request and said no.
func (p *party) refused(w *writer, req *parleyv1.SendMessageRequest, err error) {
	if client.OutcomeOf(err) == client.Refused {
		p.tb.Errorf("%q of %s was refused: %v", req.GetText(), w.name, err)
	}
}

func send(w *writer, req *parleyv1.SendMessageRequest, patience time.Duration) (*parleyv1.SendMessageResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.cl.SendMessage(ctx, req)
}

func (p *party) read(t *talk, r *reader) {
	ctx, cancel := context.WithTimeout(context.Background(), r.patience)
	defer cancel()
	op := check.Op{Client: r.id, Read: true, Call: p.clock.now()}
	resp, err := r.ask(ctx, &parleyv1.ReadMessagesRequest{Conversation: r.to, Limit: check.PageSize})
	if err != nil {
		if client.OutcomeOf(err) == client.Refused {
			p.tb.Errorf("a read of %s was refused: %v", t.name, err)
		}
		return // nothing was said, so there is nothing to judge
	}
	op.Return, op.Page = p.clock.now(), messages(resp.GetMessages())
	t.record(op)
	p.tally.count(&p.tally.reads)
}

func messages(ms []*parleyv1.Message) []check.Message {
	out := make([]check.Message, len(ms))
	for i, m := range ms {
		out[i] = check.Message{ID: m.GetId(), Seq: m.GetSeq(), Key: check.KeyOf(m.GetText())}
	}
	return out
}
