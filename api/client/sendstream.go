package client

import (
	"context"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"parley/proto/parleyv1"
)

// sendStream is an open stream of sends to one node, shared by all callers of one session. Two goroutines of the Client
// serve it, until it ends: one writes what is queued, in frames, and one hands out the answers.
type sendStream struct {
	c     *Client
	addr  string
	token *[]byte
	rpc   grpc.BidiStreamingClient[parleyv1.SendMessagesRequest, parleyv1.SendMessagesResponse]
	ctx   context.Context // of rpc; its cause tells why it was given up from here
	try   *try
	wake  chan struct{}

	mu    sync.Mutex
	queue []*sending // not written yet
	// waiting are all sends without an answer, by request id; at most MaxStreamSends.
	waiting map[string]*sending
	// left are the ids of sends that were written and whose callers have gone: their answers are still to come, and are not those
	// of a later send with the same id. Together with waiting at most MaxStreamSends.
	left    map[string]struct{}
	dead    bool
	retired bool // nothing new is taken; it ends when nothing waits
}

// sendStreams are the open streams of a Client for the present session: one, to the leader while it is known, and more while
// calls have to try other nodes; and those that were left, and of earlier sessions, until their last answer.
type sendStreams struct {
	opening chan struct{} // held by whoever opens a stream
	last    atomic.Pointer[lastStream]

	mu      sync.Mutex
	open    map[*sendStream]struct{}
	refused map[string]time.Time // nodes that take no stream, until then
}

// lastStream is the stream that a snapshot of the pool led to, so that the next send need not choose.
type lastStream struct {
	snap *snapshot
	st   *sendStream
}

func (ss *sendStreams) init() {
	ss.opening = make(chan struct{}, 1)
	ss.open = make(map[*sendStream]struct{})
	ss.refused = make(map[string]time.Time)
}

func (ss *sendStreams) find(addr string, token *[]byte) *sendStream {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for st := range ss.open {
		if st.addr == addr && st.token == token {
			return st
		}
	}
	return nil
}

// refuses tells whether a node takes no stream.
func (ss *sendStreams) refuses(addr string) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.refused) > 0 && time.Now().Before(ss.refused[addr])
}

func (ss *sendStreams) noStreams(addr string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.refused) >= MaxServers {
		clear(ss.refused)
	}
	ss.refused[addr] = time.Now().Add(NoStreamsFor)
}

// retireEarlier ends the streams of earlier sessions when nothing waits on them.
func (ss *sendStreams) retireEarlier(now *atomic.Pointer[[]byte]) {
	ss.retire(func(st *sendStream) bool { return st.token != now.Load() })
}

// retireOthers ends all streams but one when nothing waits on them: its node is a better one than theirs.
func (ss *sendStreams) retireOthers(than *sendStream) {
	ss.retire(func(st *sendStream) bool { return st != than })
}

func (ss *sendStreams) retire(left func(*sendStream) bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for st := range ss.open {
		if left(st) {
			delete(ss.open, st)
			st.retire()
		}
	}
}

// stream queues a send on the stream of the node that its try is for, and opens one if need be. No stream and no error:
// the send is to be a unary call.
func (cl *call) stream(ctx context.Context, s *sending, token *[]byte) (*sendStream, string, error) {
	ss := &cl.c.sends
	if !fitsAFrame(&s.req) {
		return nil, "", nil
	}
	snap := cl.c.pool.snap.Load()
	if l := ss.last.Load(); l != nil && cl.failed == nil && l.snap == snap && l.st.token == token {
		switch l.st.add(s) {
		case added:
			return l.st, l.st.addr, nil
		case crowded:
			return nil, "", nil
		}
	}
	// A copy: gRPC may choose another node for the stream later, on its own reader's goroutine (a transparent retry).
	h := &hint{prefer: cl.preferred(snap), failed: maps.Clone(cl.failed)}
	if ss.refuses(h.prefer) {
		h.prefer = ""
	}
	for {
		st, err := cl.c.openFor(ctx, h, token)
		if st == nil || err != nil {
			return nil, h.addr(), err
		}
		switch st.add(s) {
		case added:
			if token != cl.c.token.Load() { // replaced while the stream was opened: retireEarlier did not see it
				ss.retireEarlier(&cl.c.token)
			} else if cl.failed == nil {
				ss.retireOthers(st)
				ss.last.Store(&lastStream{snap, st})
			}
			return st, st.addr, nil
		case crowded:
			return nil, "", nil
		}
		if err := cl.over(ctx); err != nil {
			return nil, st.addr, err
		}
	}
}

// frameBytes is what a send adds to a frame, but for some bytes of lengths.
func frameBytes(r *parleyv1.SendMessageRequest) int {
	return len(r.Text) + len(r.Conversation) + len(r.RequestId)
}

// fitsAFrame tells whether a node takes a frame with this send, whether that can be marshalled, and its answer be told from others':
// an error of Send ends the stream for everybody, and no node echoes an id that is no UUID by its length.
func fitsAFrame(r *parleyv1.SendMessageRequest) bool {
	return frameBytes(r) <= MaxFrameBytes && len(r.RequestId) <= MaxRequestIDBytes &&
		utf8.ValidString(r.RequestId) && utf8.ValidString(r.Conversation) && utf8.ValidString(r.Text)
}

// openFor returns the stream to the node that the hint leads to. No stream and no error: that node takes none, or
// there are too many.
func (c *Client) openFor(ctx context.Context, h *hint, token *[]byte) (*sendStream, error) {
	if n, err := c.pool.snap.Load().choose(h); err == nil {
		if c.sends.refuses(n.addr) {
			return nil, nil
		}
		if st := c.sends.find(n.addr, token); st != nil {
			return st, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, min(TryTimeout, c.opts.Timeout))
	defer cancel()
	select { // one at a time: who waited finds what the other has opened
	case c.sends.opening <- struct{}{}:
		defer func() { <-c.sends.opening }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-c.ctx.Done():
		return nil, status.FromContextError(c.ctx.Err()).Err()
	}
	if n, err := c.pool.snap.Load().choose(h); err == nil {
		if st := c.sends.find(n.addr, token); st != nil {
			return st, nil
		}
	}
	if c.streams.Add(1) > MaxSendStreams {
		c.streams.Add(-1)
		return nil, nil
	}
	return c.openStream(ctx, h, token)
}

// openStream opens a stream, which c.streams counts already; it waits for a connection as long as a call would. Only the opening
// is bounded by ctx.
func (c *Client) openStream(ctx context.Context, h *hint, token *[]byte) (*sendStream, error) {
	sctx, t := c.begin(authorize(c.ctx, *token), h, ProbeAfter, 0)
	t.quieten()
	stop := context.AfterFunc(ctx, func() { t.cancel(ctx.Err()) })
	rpc, err := c.chat.SendMessages(sctx)
	if !stop() && err == nil {
		err = status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		t.end()
		c.streams.Add(-1)
		return nil, err
	}
	st := &sendStream{
		c: c, addr: h.addr(), token: token, rpc: rpc, ctx: sctx, try: t, wake: make(chan struct{}, 1),
		waiting: make(map[string]*sending), left: make(map[string]struct{}),
	}
	c.sends.mu.Lock()
	c.sends.open[st] = struct{}{}
	c.sends.mu.Unlock()
	if !c.spawn(st.read) {
		st.end(ErrClosed)
		return nil, ErrClosed
	}
	c.spawn(st.write) // if not, the Client closes, and nothing needs to be written
	return st, nil
}

// taken is what a stream does with a send.
type taken int

const (
	added taken = iota
	// crowded: too many wait, or one with the same request id does.
	crowded
	// over: the stream takes nothing any more.
	over
)

func (st *sendStream) add(s *sending) taken {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.dead || st.retired {
		return over
	}
	_, left := st.left[s.req.RequestId]
	if len(st.waiting)+len(st.left) >= MaxStreamSends || st.waiting[s.req.RequestId] != nil || left {
		return crowded
	}
	s.written, s.resp, s.err, s.ended, s.cause = false, nil, nil, false, nil
	if len(st.waiting) == 0 {
		st.try.expect()
	}
	st.waiting[s.req.RequestId] = s
	st.queue = append(st.queue, s)
	if len(st.queue) == 1 {
		st.signal()
	}
	return added
}

func (st *sendStream) signal() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// leave is for a caller that waits no longer, unless the answer is there.
func (st *sendStream) leave(s *sending, why error) {
	st.mu.Lock()
	if st.waiting[s.req.RequestId] != s {
		st.mu.Unlock()
		<-s.done
		return
	}
	if i := slices.Index(st.queue, s); i >= 0 {
		st.queue = slices.Delete(st.queue, i, i+1)
	} else {
		st.left[s.req.RequestId] = struct{}{}
	}
	st.drop(s)
	st.mu.Unlock()
	s.err, s.ended, s.cause = status.FromContextError(why).Err(), true, nil
}

// drop needs mu.
func (st *sendStream) drop(s *sending) {
	delete(st.waiting, s.req.RequestId)
	if len(st.waiting) > 0 {
		return
	}
	st.try.quieten()
	if st.retired {
		st.try.cancel(nil)
	}
}

func (st *sendStream) retire() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.retired = true
	if len(st.waiting) == 0 {
		st.try.cancel(nil)
	}
}

// write is the writer's goroutine. An error of Send is the end of the stream, which the reader learns of.
func (st *sendStream) write() {
	var frame parleyv1.SendMessagesRequest
	for {
		select {
		case <-st.wake:
		case <-st.ctx.Done():
			return
		}
		runtime.Gosched() // callers that were answered together have their next sends ready: they share a frame
		for st.take(&frame) {
			if st.rpc.Send(&frame) != nil {
				return
			}
		}
	}
}

// take moves queued sends into a frame; false when there is none.
func (st *sendStream) take(frame *parleyv1.SendMessagesRequest) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	clear(frame.Sends)
	frame.Sends = frame.Sends[:0]
	n, size := 0, 0
	for _, s := range st.queue {
		size += frameBytes(&s.req)
		if len(frame.Sends) == MaxFrameSends || len(frame.Sends) > 0 && size > MaxFrameBytes {
			break
		}
		n++
		s.written = true
		frame.Sends = append(frame.Sends, &s.req)
	}
	rest := copy(st.queue, st.queue[n:])
	clear(st.queue[rest:])
	st.queue = st.queue[:rest]
	return len(frame.Sends) > 0
}

// read is the reader's goroutine: it hands out answers until the stream ends.
func (st *sendStream) read() {
	for {
		f, err := st.rpc.Recv()
		if errors.Is(err, io.EOF) {
			err = status.Error(codes.Unavailable, "the node closed the stream")
		}
		if err != nil {
			st.end(err)
			return
		}
		if st.answer(f.GetResults()) {
			st.c.pool.succeeded(st.addr, true)
		}
	}
}

// answer hands out one frame of answers. It tells whether one of them is a result.
func (st *sendStream) answer(results []*parleyv1.SendResult) (sent bool) {
	st.try.hear()
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, r := range results {
		s := st.waiting[r.GetRequestId()]
		if s == nil {
			delete(st.left, r.GetRequestId()) // its caller has left
			continue
		}
		if s.resp = r.GetSent(); s.resp != nil {
			sent = true
		} else {
			s.err = errorOf(r.GetError())
		}
		st.drop(s)
		s.done <- struct{}{}
	}
	return sent
}

// errorOf is the error of a unary call that failed in the same way.
func errorOf(b []byte) error {
	p := new(spb.Status)
	if err := proto.Unmarshal(b, p); err != nil || codes.Code(p.GetCode()) == codes.OK {
		return status.Error(codes.Internal, "the node answered with neither a result nor an error")
	}
	return status.FromProto(p).Err()
}

// end ends every send without an answer: who is in no frame was not sent.
func (st *sendStream) end(err error) {
	cause := context.Cause(st.ctx)
	if !errors.Is(cause, errHung) {
		cause = nil
	}
	st.c.sends.mu.Lock()
	delete(st.c.sends.open, st)
	st.c.sends.mu.Unlock()
	st.mu.Lock()
	st.dead = true
	for id, s := range st.waiting {
		delete(st.waiting, id)
		s.err, s.ended, s.cause = err, true, cause
		s.done <- struct{}{}
	}
	clear(st.queue)
	st.queue = nil
	st.mu.Unlock()
	st.try.end()
	st.c.streams.Add(-1)
	if v := judge(err, false, cause); v.noQuorum() {
		// It told everybody to go, also those who send nothing now.
		st.c.pool.noQuorum(st.addr, err, v.draining())
		st.c.wake()
	}
}
