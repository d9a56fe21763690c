package plain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/outbox"
)

// Options say for whom and with what a session runs. All but Open, Version, OpenStore and Forget are required.
type Options struct {
	Backend  common.Backend
	Settings common.Settings
	User     string // whose token the backend has; empty when that is not known
	Open     string // "@user" or "#room" to begin with; else the conversation with the newest message
	Version  string
	// Patience is how long messages may still wait after the end of a pipe.
	Patience time.Duration
	// OpenStore opens the outbox on disk of the account, for a person; a pipe tells by its exit code what was not sent. nil keeps
	// nothing.
	OpenStore func(user string) (common.Store, error)
	// Forget drops the stored token of a session that is over.
	Forget func(user string) error

	Now   func() time.Time
	NewID func() string
	Zone  *time.Location
}

// ErrSessionOver is wrapped by Run's error when the token is of no use any more.
var ErrSessionOver = errors.New("the session is over")

// Undelivered is Run's error when it ends before each message has its verdict, or when one was rejected and nobody was there to
// correct it.
type Undelivered struct{ Queued, Unknown, Rejected int }

func (u Undelivered) Error() string {
	return fmt.Sprintf("not every message was sent: %d queued, %d unknown, %d rejected", u.Queued, u.Unknown, u.Rejected)
}

// session is one run. Its methods are the loop's.
type session struct {
	o      Options
	be     common.Backend
	con    Console
	ctx    context.Context
	cancel context.CancelFunc
	calls  sync.WaitGroup
	done   chan func() // what calls bring
	busy   int         // calls under way that a person asked for

	user          string
	conversations map[string]*conversation
	cur           *conversation
	listed        bool
	feed          *feed
	refollowAt    time.Time
	cursor        string
	day           string // of the last line with a time
	ids           bool   // say ids of messages

	store   common.Store // nil: nothing is kept
	kept    common.Saved // what it held at the start; its conversations stand in until a node tells the present ones
	keptDue time.Time    // when they do; zero once they did
	order   uint64       // of the last message written
	cluster string       // the one that is spoken to; empty while unknown

	link     common.Link
	trouble  trouble
	paste    []string
	pressed  time.Time // the last ^C
	eofAt    time.Time // when the input ended
	over     bool
	err      error
	rejected int
}

// Run talks until the person ends it, the input ends, the session is over, or ctx ends.
func Run(ctx context.Context, con Console, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &session{
		o: o, be: o.Backend, con: con, ctx: ctx, cancel: cancel, done: make(chan func(), maxCalls), user: o.User,
		conversations: map[string]*conversation{},
	}
	defer s.close()
	s.link = s.be.Link()
	s.say("parley %s, %s: /help lists the commands, /quit ends", o.Version, orSomebody(o.User))
	if s.link.Usable() {
		s.trouble.from = s.link
	}
	s.whoAmI()
	s.openStore()
	s.loadList()
	if o.Open != "" { // what is written goes there from now on; what is unread there is known with the list
		s.cur = s.conversation(o.Open)
		s.prompt()
	}
	return s.loop()
}

func (s *session) loop() error {
	lines, links := readLines(s.ctx, s.con), s.be.Links()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for !s.over {
		in := lines
		if s.gated() {
			in = nil
		}
		var frames <-chan frame
		if s.feed != nil {
			frames = s.feed.ch
		}
		select {
		case l := <-in:
			s.onLine(l)
		case then := <-s.done:
			then()
		case f, ok := <-frames:
			s.onFrame(f, ok)
		case l, ok := <-links:
			if !ok {
				links = nil
				break
			}
			s.onLink(l)
		case <-tick.C:
			s.onTick()
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	return s.err
}

// gated holds a pipe back: the lines of a script mean what they mean in their order. A person may always type.
func (s *session) gated() bool {
	if s.con.Interactive() {
		return false
	}
	return !s.listed || s.busy > 0 || s.cur != nil && (s.cur.loading || s.cur.waiting() >= outbox.MaxWaiting)
}

// call runs do beside the loop, and what it returns in it.
func (s *session) call(do func(ctx context.Context) func()) {
	s.calls.Add(1)
	ctx := s.ctx
	go func() {
		defer s.calls.Done()
		then := do(ctx)
		select {
		case s.done <- then:
		case <-ctx.Done():
		}
	}()
}

// ask is call for what a person asked for and waits for.
func (s *session) ask(do func(ctx context.Context) func()) {
	if s.busy >= maxCalls {
		s.say("error: %d requests are under way already, wait for them", s.busy)
		return
	}
	s.busy++
	s.call(func(ctx context.Context) func() {
		then := do(ctx)
		return func() { s.busy--; then() }
	})
}

// onTick does what waits for the clock.
func (s *session) onTick() {
	now := s.o.Now()
	s.tellLink(now)
	for _, v := range s.conversations {
		s.tellWaiting(v, now)
		s.markDue(v, now)
	}
	if !s.refollowAt.IsZero() && !now.Before(s.refollowAt) {
		s.refollowAt = time.Time{}
		s.follow(s.cursor)
	}
	if !s.keptDue.IsZero() && !now.Before(s.keptDue) {
		s.keptDue = time.Time{}
		s.showKept()
	}
	if !s.eofAt.IsZero() {
		s.ending(now)
	}
}

// ending ends a session whose input has ended, once each message has its verdict or patience is over.
func (s *session) ending(now time.Time) {
	u := Undelivered{Rejected: s.rejected}
	for _, v := range s.conversations {
		for _, o := range v.out {
			if o.Unknown || o.InFlight {
				u.Unknown++
			} else if !o.Rejected {
				u.Queued++
			}
		}
	}
	waits := u.Queued+u.Unknown > 0 || s.busy > 0 || s.marking() || s.cur != nil && s.cur.loading || !s.listed
	if waits && now.Sub(s.eofAt) < s.o.Patience {
		return
	}
	s.over = true
	if u.Queued+u.Unknown > 0 || u.Rejected > 0 && !s.con.Interactive() {
		s.err = u
	}
}

// whoAmI learns the name behind the token where only the token is known.
func (s *session) whoAmI() {
	if s.user != "" {
		return
	}
	s.call(func(parent context.Context) func() {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		resp, err := s.be.WhoAmI(ctx, &parleyv1.WhoAmIRequest{Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL})
		if err != nil {
			pause(parent, retryAfter)
			return s.whoAmI
		}
		return func() { s.user = resp.GetUser().GetUsername() }
	})
}

// waiting counts own messages without a verdict.
func (s *session) waiting() (n int) {
	for _, v := range s.conversations {
		n += v.waiting()
	}
	return n
}

// sessionOver ends the session: its token is of no use.
func (s *session) sessionOver(f common.Failure) {
	if s.over {
		return
	}
	s.over = true
	if s.o.Forget != nil && s.user != "" {
		_ = s.o.Forget(s.user) // the token is dead; a stale file only costs one more log-in
	}
	s.err = fmt.Errorf("%w: %s", ErrSessionOver, f.Text)
}

// fail tells of an error, or ends the session when that is what it means.
func (s *session) fail(what string, err error) {
	f := s.be.Explain(err)
	if f.Auth {
		s.sessionOver(f)
		return
	}
	s.say("error: %s: %s", what, f.Error())
}

// say writes a line of the client itself.
func (s *session) say(format string, args ...any) {
	s.con.Print(common.Line(fmt.Sprintf(format, args...)))
}

func orSomebody(user string) string {
	if user == "" {
		return "logged in"
	}
	return "logged in as " + user
}
