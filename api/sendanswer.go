package api

import (
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

// sentAnswer is the answer to a send with all that it points to, in one piece of memory. It must not be copied.
type sentAnswer struct {
	result parleyv1.SendResult
	sent   parleyv1.SendResult_Sent
	resp   parleyv1.SendMessageResponse
	at     timestamppb.Timestamp
}

// sentAnswers are those of frames that were written. A stream keeps none, for ten thousand may be open.
var sentAnswers = sync.Pool{New: func() any { return new(sentAnswer) }}

// read takes Apply's answer to a send, a marshalled Result.
func (a *sentAnswer) read(result []byte) error {
	if a.readSent(result) {
		return nil
	}
	res, err := resultOf(result)
	if err != nil {
		return err
	}
	m := res.GetSend()
	a.set(m.GetId(), m.GetSeq(), m.GetTimeUnixMs(), m.GetConversation(), m.GetCursor())
	return nil
}

func (a *sentAnswer) set(id, seq uint64, unixMS int64, conversation, cursor string) {
	t := time.UnixMilli(unixMS)
	a.at.Seconds, a.at.Nanos = t.Unix(), int32(t.Nanosecond())
	a.resp.Id, a.resp.Seq, a.resp.Conversation, a.resp.Cursor, a.resp.Time = id, seq, conversation, cursor, &a.at
}

// readSent reads a result that is a send's and has no field but those that are known here: by hand, for there is one for each
// message. False: it is something else, for the generated code to tell; nothing was changed.
func (a *sentAnswer) readSent(b []byte) bool {
	const send, id, conversation, seq, unixMS, cursor = 5, 1, 2, 3, 4, 5
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 || num != send || typ != protowire.BytesType {
		return false
	}
	m, k := protowire.ConsumeBytes(b[n:])
	if k < 0 || n+k != len(b) {
		return false
	}
	var ints [unixMS + 1]uint64
	var texts [cursor + 1]string
	for len(m) > 0 {
		num, typ, n := protowire.ConsumeTag(m)
		if n < 0 {
			return false
		}
		m = m[n:]
		switch {
		case typ == protowire.VarintType && (num == id || num == seq || num == unixMS):
			ints[num], n = protowire.ConsumeVarint(m)
		case typ == protowire.BytesType && (num == conversation || num == cursor):
			texts[num], n = protowire.ConsumeString(m)
		default:
			return false
		}
		if n < 0 {
			return false
		}
		m = m[n:]
	}
	a.set(ints[id], ints[seq], int64(ints[unixMS]), texts[conversation], texts[cursor])
	return true
}

// writeFrame writes the answers of a batch. Once Send has returned, gRPC has marshalled the frame and its memory is free.
func (st *sendStream) writeFrame(stream sendFrames, frame *parleyv1.SendMessagesResponse, batch []*streamSend, now time.Time) error {
	frame.Results = frame.Results[:0]
	for _, p := range batch {
		p.answer = sentAnswers.Get().(*sentAnswer)
		p.fill(now)
		frame.Results = append(frame.Results, &p.answer.result)
	}
	err := stream.Send(frame)
	clear(frame.Results)
	for _, p := range batch {
		sentAnswers.Put(p.answer)
		p.answer = nil
	}
	return err
}

// fill makes the answer to a completed send as the client gets it. It counts and logs it as a unary call is.
func (p *streamSend) fill(now time.Time) {
	st, a := p.st, p.answer
	err := p.err
	if err == nil {
		err = a.read(p.result)
	}
	st.s.metrics.sendSeconds.Observe(now.Sub(p.began).Seconds())
	a.result.RequestId = p.requestID
	if err == nil {
		st.s.metrics.sent[sendOK].Inc()
		a.sent.Sent, a.result.Outcome = &a.resp, &a.sent
		return
	}
	st.s.metrics.sent[sendResult(err)].Inc()
	var f *failure
	if !errors.As(err, &f) {
		f = internal(err)
	}
	st.s.logFailure(st.ctx, chatPath+"SendMessages", p.requestID, p.began, f)
	if f.reason == reasonSessionInvalid {
		st.close(sessionInvalid(), false)
	}
	b, merr := proto.Marshal(f.GRPCStatus().Proto())
	if merr != nil { // not with what a failure is made of
		b = nil
	}
	a.result.Outcome = &parleyv1.SendResult_Error{Error: b}
}
