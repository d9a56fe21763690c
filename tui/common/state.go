package common

import "iter"

// State is the connection as a person is told of it: one of the words of the status bar, of `parley status` and of the
// documentation. Link.State computes it; nothing stores it.
type State int

// The states, in the order a person meets them. StateAuth and StateVersion end what the client can do by itself; all others
// pass without anybody's help.
const (
	StateConnecting State = iota // no node has answered yet
	StateSyncing                 // connected, what was missed is coming in
	StateReady                   // a leader, a quorum, all voters up
	StateDegraded                // a quorum, and a voter down or far behind: READY with a warning
	StateElection                // our node is there, it knows no leader
	StateFailover                // our node is lost, another is being taken
	StateReadOnly                // our node is there and has no quorum
	StateOffline                 // no address answers
	StateDraining                // our node is being taken out of service, another takes over
	StateAuth                    // the token is refused
	StateVersion                 // the nodes do not speak this client's protocol
)

var stateWords = [...]string{
	"CONNECTING", "SYNCING", "READY", "READY", "ELECTION", "FAILOVER", "READ-ONLY", "OFFLINE", "DRAINING", "AUTH", "VERSION",
}

// States yields every state, in their order.
func States() iter.Seq[State] {
	return func(yield func(State) bool) {
		for s := range stateWords {
			if !yield(State(s)) {
				return
			}
		}
	}
}

// Word is the state in one word. READY and DEGRADED share theirs: what differs is the warning beside it.
func (s State) Word() string { return stateWords[s] }

// String tells all states apart, for -o json and for tests.
func (s State) String() string {
	if s == StateDegraded {
		return "DEGRADED"
	}
	return s.Word()
}

// Sends reports whether a message that is written now goes out now; otherwise it is queued.
func (s State) Sends() bool {
	return s == StateSyncing || s == StateReady || s == StateDegraded || s == StateDraining
}

// Stopped reports whether only a person can end the state: the composer is off and a banner says what to do.
func (s State) Stopped() bool { return s == StateAuth || s == StateVersion }

// Moves reports whether what the bar says of the state changes with the clock alone.
func (s State) Moves() bool {
	switch s {
	case StateConnecting, StateElection, StateFailover, StateOffline:
		return true
	}
	return false
}

// Composer is what the empty composer says about where a message will go; empty when it goes out.
func (s State) Composer() string {
	switch s {
	case StateReadOnly:
		return "queued until there is a quorum"
	case StateOffline:
		return "queued until a node answers"
	case StateConnecting, StateElection, StateFailover:
		return "will queue"
	}
	return ""
}

// Meaning is the state in a sentence, for the help, the cluster screen and `parley status`.
func (s State) Meaning() string {
	switch s {
	case StateConnecting:
		return "no node has answered yet; what you write is queued"
	case StateSyncing:
		return "connected; what was missed is coming in"
	case StateReady:
		return "a node with a quorum serves us"
	case StateDegraded:
		return "a quorum serves us, and a node is down or behind"
	case StateElection:
		return "our node is there, the cluster chooses a leader; what you write is queued"
	case StateFailover:
		return "our node is lost, another is being taken; what you write is queued"
	case StateReadOnly:
		return "our node has no quorum: reading works and may be old, what you write is queued"
	case StateOffline:
		return "no node answers; what you write is queued; ^R tries now"
	case StateDraining:
		return "our node is being taken out of service, another takes over"
	case StateAuth:
		return "the cluster refuses the session: log in again"
	}
	return "the nodes do not speak this client's protocol: upgrade the older of the two"
}

// Bar is why the cluster will not serve this client, whatever the network does.
type Bar int

// Open is the usual case.
const (
	Open       Bar = iota
	BadToken       // the session is over
	BadVersion     // a call that every node has is not there
)

// Sync is how much of what was missed has come in.
type Sync struct {
	Running     bool
	Done, Total uint64 // messages; Total 0: not known yet
}

// LagEntries is from how many log entries behind a voter counts as lagging: a node that is further behind does not call
// itself caught up either, and takes no calls that need a quorum.
const LagEntries = 4096

// State is what the link amounts to.
func (l Link) State() State {
	switch l.Barred {
	case BadToken:
		return StateAuth
	case BadVersion:
		return StateVersion
	}
	switch l.Phase {
	case Ready:
		up, voters := l.Up()
		switch {
		case l.Draining != "":
			return StateDraining
		case l.Sync.Running:
			return StateSyncing
		case up < voters || len(l.Lagging()) > 0:
			return StateDegraded
		}
		return StateReady
	case Electing:
		return StateElection
	case FailingOver:
		if l.Draining != "" {
			return StateDraining
		}
		return StateFailover
	case NoQuorum:
		return StateReadOnly
	case Offline:
		return StateOffline
	}
	return StateConnecting
}

// Lagging are the names of the voters that are up and more than LagEntries behind.
func (l Link) Lagging() (names []string) {
	var newest uint64
	for _, m := range l.Members {
		newest = max(newest, m.Applied)
	}
	for _, m := range l.Members {
		if m.Voter && m.Reachable && m.Applied > 0 && newest-m.Applied > LagEntries {
			names = append(names, m.Name)
		}
	}
	return names
}

// Spare is how many more voters may die before there is no quorum; negative when there is none now.
func (l Link) Spare() int {
	up, voters := l.Up()
	return up - (voters/2 + 1)
}
