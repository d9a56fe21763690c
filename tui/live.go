package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"parley/api/client"
	"parley/proto/parleyv1"
	"parley/tui/common"
)

// Client is what the terminal client calls; *client.Client is one.
type Client interface {
	State() client.State
	States() <-chan client.State
	Token() []byte
	RoundTrips(context.Context) []client.RoundTrip
	Reconnect()
	AddServers(addrs ...string) error
	common.Accounts
	common.Messages
	common.Rooms
	common.People
	common.Operators
	Subscribe(ctx context.Context, cursor string) *client.Subscription
}

var _ Client = (*client.Client)(nil)

// live makes a Backend of a Client.
type live struct{ Client }

var _ common.Backend = live{}

func (l live) Subscribe(ctx context.Context, cursor string) common.Stream {
	return l.Client.Subscribe(ctx, cursor)
}

func (l live) Link() common.Link { return link(l.State()) }

// Links translates states for as long as the client lives. Its goroutine ends when the client closes the channel; it holds
// the newest state only, like the channel it reads.
func (l live) Links() <-chan common.Link {
	in, out := l.States(), make(chan common.Link, 1)
	go func() {
		defer close(out)
		for s := range in {
			select {
			case <-out: // nobody took the last one: it is old now
			default:
			}
			out <- link(s)
		}
	}()
	return out
}

// reconnectWithin bounds a kick: a call to any node makes the library look at all of them.
const reconnectWithin = 2 * time.Second

func (l live) Reconnect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reconnectWithin)
	defer cancel()
	l.Client.Reconnect()
	_, _ = l.Status(ctx, &parleyv1.StatusRequest{}) // the answer comes through States
}

// Measure implements common.Measurer.
func (l live) Measure(ctx context.Context) []common.RoundTrip {
	var out []common.RoundTrip
	for _, t := range l.RoundTrips(ctx) {
		out = append(out, common.RoundTrip{Node: common.Line(t.Node), Address: t.Address, Took: t.Took})
	}
	return out
}

// Connect implements common.Connector.
func (l live) Connect(addrs ...string) error { return l.AddServers(addrs...) }

func (l live) Explain(err error) common.Failure { return explain(err) }

func explain(err error) common.Failure {
	var f common.Failure
	if errors.As(err, &f) {
		return f
	}
	var e *client.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return common.Failure{Outcome: common.Unknown, Text: "no answer in time"}
		}
		return common.Failure{Outcome: common.Unknown, Text: common.Line(err.Error())}
	}
	f = common.Failure{
		Outcome: common.Refused, Text: common.Line(e.Message), Hint: common.Line(e.Hint),
		Auth: client.IsUnauthenticated(e), NotFound: client.IsNotFound(e),
		Version: e.Code == codes.Unimplemented && e.Reason == "",
		Invite:  e.Reason == "INVITE_INVALID" || e.Reason == "REGISTRATION_CLOSED" && e.Field == "invite_code",
	}
	switch e.Outcome {
	case client.NotApplied:
		f.Outcome = common.NotApplied
	case client.Unknown:
		f.Outcome = common.Unknown
	}
	return f
}

// plain takes gRPC's wrapping off an error of the transport: `connection error: desc = "transport: Error while dialing: …"`.
func plain(s string) string {
	if i := strings.LastIndex(s, `desc = "`); i >= 0 {
		s = strings.TrimSuffix(s[i+len(`desc = "`):], `"`)
	}
	for _, p := range []string{"transport: ", "Error while dialing: ", "authentication handshake failed: "} {
		s = strings.TrimPrefix(s, p)
	}
	return s
}

// link is a state as the pages show it.
func link(s client.State) common.Link {
	l := common.Link{
		Node: common.Line(s.Node), Address: s.Address, Leader: common.Line(s.Leader), Term: s.Term, ClusterID: s.ClusterID,
		Since:    s.Since,
		Draining: common.Line(s.Draining), Drained: common.Line(s.Drained), Trying: common.Line(s.Trying), Attempt: s.Attempt, Attempts: s.Attempts, NextTry: s.NextTry,
	}
	if s.Err != nil {
		l.Err = common.Line(plain(s.Err.Error()))
	}
	here := false
	known := slices.ContainsFunc(s.Members, func(m client.Member) bool { return m.ID != 0 })
	for _, m := range s.Members {
		here = here || m.Current && m.Connected
		if known && m.ID == 0 {
			continue // an address that was configured and is no member's takes no part in a quorum
		}
		name := m.Name
		if name == "" {
			name = m.Address
		}
		l.Members = append(l.Members, common.Member{
			Name: common.Line(name), Address: m.Address, Voter: !m.Learner, Applied: m.Applied, Draining: m.Draining,
			Reachable: !m.Suspect && !m.Unheard && (m.Connected || m.Reachable && s.Phase == client.Ready),
			Trouble:   common.Line(plain(m.Trouble)),
		})
	}
	switch s.Phase {
	case client.Ready:
		l.Phase = common.Ready
	case client.FailingOver:
		l.Phase = common.FailingOver
		if here {
			l.Phase = common.Electing
		}
	case client.NoQuorum:
		l.Phase = common.NoQuorum
	case client.Offline:
		l.Phase = common.Offline
	default:
		l.Phase = common.Connecting
	}
	return l
}

// LinkOf is a state in the words of the status bar, for commands that have no screen.
func LinkOf(s client.State) common.Link { return link(s) }
