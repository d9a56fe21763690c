package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/proto/parleyv1"
	"parley/store"
)

// sendFrames is where a stream's sends come from and their results go.
type sendFrames = grpc.BidiStreamingServer[parleyv1.SendMessagesRequest, parleyv1.SendMessagesResponse]

// SendMessages is SendMessage for many messages on one stream. Two goroutines serve it: a reader, which checks and
// proposes and waits for no answer, and this one, which writes every answer that is there in one frame. Whoever completes
// a proposal only leaves it to this one.
//
// The stream ends when the client closes it, the node drains, the session ends, or a frame is no frame. From then on
// nothing more is proposed; what is under way is finished and answered first, so that the end itself answers all other
// sends: they were not applied.
func (s *chat) SendMessages(stream sendFrames) error {
	ctx := stream.Context()
	if err := s.mayOpen(ctx); err != nil {
		return err
	}
	watch, sess, err := s.store.WatchSession(callerOf(ctx).token)
	if err != nil {
		if errors.Is(err, store.ErrTooManyWatchers) {
			return exhausted(reasonTooManyStreams, "this node has too many streams; use another node", time.Second)
		}
		return s.sessionFailure(err)
	}
	defer watch.Close()
	if all, ok := s.sendStreams.enter(sess.Username); !ok {
		s.metrics.refused.WithLabelValues("send_streams").Inc()
		if all {
			return exhausted(reasonTooManyStreams, "this node has too many streams; use another node", time.Second)
		}
		return exhausted(reasonTooManyStreams, "this account has too many streams of sends on this node; close one", time.Second)
	}
	defer s.sendStreams.leave(sess.Username)
	st := newSendStream(ctx, s, sess.Username)
	go st.read(stream) // ends with the stream, at the latest when this function has returned
	return st.write(stream, watch)
}

// mayOpen is sender with the time that a unary call has.
func (s *chat) mayOpen(ctx context.Context) error {
	if s.calls.Add(1) > maxCalls { // a stranger's token costs a barrier
		s.calls.Add(-1)
		return overloaded()
	}
	defer s.calls.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, defaultCallTimeout)
	defer cancel()
	_, err := s.sender(ctx)
	return err
}

// sessionFailure is for a session that was there a moment ago.
func (s *Server) sessionFailure(err error) error {
	if errors.Is(err, store.ErrNoSession) {
		return sessionInvalid()
	}
	return storeFailure(err)
}

// sendStream is one stream of sends.
type sendStream struct {
	s        *chat
	ctx      context.Context
	username string
	token    []byte
	// wake has the writer look again; room has a reader that waits look again. Both hold one signal.
	wake, room chan struct{}

	mu sync.Mutex
	// underWay are the sends that were begun and whose answers were not taken by the writer.
	underWay int
	answers  []*streamSend // completed, to be written
	// over: nothing more is proposed. end is then what the stream ends with, nil for a client that closed it.
	over bool
	end  error
	// gone: what is under way is not waited for. Nobody reads its answers, or the reader panicked.
	gone bool
}

// streamSend is one send on its way, and then its answer.
type streamSend struct {
	st        *sendStream
	requestID string
	began     time.Time
	result    []byte
	err       error
	answer    *sentAnswer // while its frame is written
}

func newSendStream(ctx context.Context, s *chat, username string) *sendStream {
	return &sendStream{
		s: s, ctx: ctx, username: username, token: callerOf(ctx).token,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// --- the reader

// read is the reader's goroutine.
func (st *sendStream) read(stream sendFrames) {
	defer func() {
		if p := recover(); p != nil {
			st.close(st.s.recovered(chatPath+"SendMessages", p), true)
		}
	}()
	for {
		st.awaitRoom()
		frame, err := stream.Recv()
		if err != nil {
			var f *failure
			switch {
			case errors.Is(err, io.EOF):
				st.close(nil, false)
			case errors.As(err, &f): // a frame came, and is no frame of ours
				st.close(err, false)
			default: // the client went, or gRPC has ended the stream itself, for a frame that is too large
				st.close(err, true)
			}
			return
		}
		if n := len(frame.Sends); n == 0 || n > maxSendsPerFrame {
			st.close(invalid(violation{"sends", fmt.Sprintf("must be 1 to %d in a frame", maxSendsPerFrame)}), false)
			return
		}
		now := time.Now()
		for _, r := range frame.Sends {
			if !st.begin() {
				break // the stream's end answers it
			}
			st.send(r, now)
		}
	}
}

// awaitRoom holds the reader while too much is under way: then HTTP/2's flow control holds the client.
func (st *sendStream) awaitRoom() {
	for {
		st.mu.Lock()
		ok := st.underWay < maxSendsInFlight && len(st.answers) < maxUnwrittenResults || st.over
		st.mu.Unlock()
		if ok {
			return
		}
		<-st.room // every send under way ends, and then the writer or close makes room
	}
}

// begin takes a place for a send; false once the stream is over.
func (st *sendStream) begin() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over {
		return false
	}
	st.underWay++
	return true
}

// send checks one send as SendMessage does, and proposes it.
func (st *sendStream) send(r *parleyv1.SendMessageRequest, now time.Time) {
	p := &streamSend{st: st, requestID: r.GetRequestId(), began: now}
	if len(p.requestID) > maxRequestIDBytes {
		p.requestID = "" // no UUID: the answer would hold up to a whole frame of it
	}
	cmd, err := st.command(r)
	if err == nil && st.s.calls.Add(1) > maxCalls {
		st.s.calls.Add(-1)
		err = overloaded()
	}
	if err != nil {
		st.complete(p, nil, err)
		return
	}
	st.s.replica.ProposeAsync(cmd, p.done)
}

func (st *sendStream) command(r *parleyv1.SendMessageRequest) ([]byte, error) {
	if err := malformed(r); err != nil {
		return nil, err
	}
	cmd, err := checkedSend(r, st.token)
	if err != nil {
		return nil, err
	}
	return cmd, st.s.maySend(st.username)
}

// done is called by whoever completes the proposal, and only notes it.
func (p *streamSend) done(result []byte, err error) {
	p.st.s.calls.Add(-1)
	if err != nil {
		err = fromPropose(context.Background(), err)
	}
	p.st.complete(p, result, err)
}

// complete leaves an answer to the writer.
func (st *sendStream) complete(p *streamSend, result []byte, err error) {
	p.result, p.err = result, err
	st.mu.Lock()
	st.answers = append(st.answers, p)
	st.mu.Unlock()
	signal(st.wake)
}

// close ends the stream once what is under way is answered. The first reason counts.
func (st *sendStream) close(end error, gone bool) {
	st.mu.Lock()
	if !st.over {
		st.over, st.end = true, end
	}
	st.gone = st.gone || gone
	st.mu.Unlock()
	signal(st.wake)
	signal(st.room)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// --- the writer

// write is the stream's own goroutine: it answers until the stream is over.
func (st *sendStream) write(stream sendFrames, watch *store.SessionWatch) error {
	defer st.close(nil, true) // nobody writes any more: the reader must not wait for it
	var frame parleyv1.SendMessagesResponse
	var batch []*streamSend
	drained := st.s.drained.Done()
	for {
		select {
		case <-st.wake:
		case <-drained:
			drained = nil
			st.close(draining(), false)
		case <-watch.Doubt():
			if _, err := st.s.localSession(st.ctx); err != nil {
				st.close(st.s.sessionFailure(err), false)
			}
		}
		runtime.Gosched() // whoever completes a batch of proposals has more: they share a frame
		for {
			var over, gone bool
			batch, over, gone = st.take(batch[:0])
			switch {
			case gone:
				return st.end
			case len(batch) == 0 && over:
				return st.end
			}
			if len(batch) == 0 {
				break
			}
			if err := st.writeFrame(stream, &frame, batch, time.Now()); err != nil {
				return err
			}
			clear(batch) // an idle stream keeps nothing of what it answered
		}
	}
}

// take moves answers to the writer. over tells that the last one was taken and none will follow.
func (st *sendStream) take(batch []*streamSend) (taken []*streamSend, over, gone bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	n := min(len(st.answers), maxResultsPerFrame)
	batch = append(batch, st.answers[:n]...)
	rest := copy(st.answers, st.answers[n:])
	clear(st.answers[rest:])
	st.answers = st.answers[:rest]
	if n > 0 {
		signal(st.room)
	}
	st.underWay -= n
	return batch, st.over && st.underWay == 0, st.gone
}
