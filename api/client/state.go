package client

import (
	"fmt"
	"slices"
	"time"

	"parley/proto/parleyv1"
)

// Phase is what a status bar shows.
type Phase int

const (
	// Connecting: no node has answered yet.
	Connecting Phase = iota
	// Ready: the current node serves.
	Ready
	// FailingOver: the current node is lost, or the cluster has been without a leader for less than an election.
	FailingOver
	// NoQuorum: nodes are reachable, none of them has a quorum. Local reads work.
	NoQuorum
	// Offline: no node is reachable.
	Offline
)

func (p Phase) String() string {
	switch p {
	case Connecting:
		return "connecting"
	case Ready:
		return "ready"
	case FailingOver:
		return "failing over"
	case NoQuorum:
		return "no quorum"
	case Offline:
		return "offline"
	default:
		return fmt.Sprintf("phase %d", int(p))
	}
}

// State is what the client knows of the cluster and of its own way to it. It is a copy: keep it, change it.
type State struct {
	Phase Phase
	// Since is when the phase began.
	Since time.Time
	// Node and Address are the current node's; the name is empty until the node has told it.
	Node    string
	Address string
	// Leader and LeaderAddress are empty, and Term 0, while none is known, and before a login: also while the one that was known
	// may be dead.
	Leader        string
	LeaderAddress string
	Term          uint64
	ClusterID     string
	// Failovers counts how often the current node changed since the first one.
	Failovers int
	// Members are the cluster's, by id, and then configured servers that belong to no known member.
	Members []Member
	// Draining names the current node while it is being taken out of service, or the one that was left for that as long as it is
	// connected; empty otherwise.
	Draining string
	// Drained names the node that was current before this one, if it was left because it was taken out of service: a small node is
	// gone before anybody saw it Draining. It stays until the next move, or until that node is back.
	Drained string
	// Trying is the name, or else the address, of the first node that is being connected to, Attempt and Attempts the how manieth
	// of how many that is: those before it failed. NextTry is when the next of the failed ones is tried again, about; zero while
	// one is being connected to. All of them only while no node is usable.
	Trying            string
	Attempt, Attempts int
	NextTry           time.Time
	// Err is the newest trouble; nil while Ready.
	Err error
}

// Member is one node as the cluster's member list and the client's own connections describe it.
type Member struct {
	ID      uint64
	Name    string
	Address string
	Learner bool
	Leader  bool
	// Current: this client works through it.
	Current bool
	// Connected: this client has a connection to it that is not suspect. Serving: it also says that it has a quorum.
	Connected bool
	Serving   bool
	// Suspect: it left probes unanswered. Unheard: a node that followed it lost its quorum, and whether it lives is being asked.
	Suspect bool
	Unheard bool
	// Trouble is why the last connection to it failed; empty when it did not, or none was tried yet.
	Trouble string
	// Draining: it said that it is being taken out of service.
	Draining bool
	// Reachable and Applied are what the current node says of it.
	Reachable bool
	Applied   uint64
	Version   string
}

// equal tells whether showing b instead of s makes a difference.
func (s State) equal(b State) bool {
	return s.Phase == b.Phase && s.Since.Equal(b.Since) && s.Node == b.Node && s.Address == b.Address &&
		s.Leader == b.Leader && s.LeaderAddress == b.LeaderAddress && s.Term == b.Term && s.ClusterID == b.ClusterID &&
		s.Failovers == b.Failovers && s.Draining == b.Draining && s.Drained == b.Drained && s.Trying == b.Trying && s.Attempt == b.Attempt &&
		s.Attempts == b.Attempts && s.NextTry.Equal(b.NextTry) && errText(s.Err) == errText(b.Err) && slices.Equal(s.Members, b.Members)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// view is the newest answer of ClusterService.Status.
type view struct {
	leader    string
	term      uint64
	clusterID string
	at        time.Time // when leader and term were told
	members   []*parleyv1.Member
	membersAt time.Time
}

// watchers hands the latest state to everyone who asked. The pool's mutex guards it.
type watchers struct {
	chans  []chan State
	closed bool
}

func (w *watchers) add(now State) <-chan State {
	ch := make(chan State, 1)
	if w.closed {
		close(ch)
		return ch
	}
	if len(w.chans) == MaxStateWatchers {
		close(w.chans[0])
		w.chans = slices.Delete(w.chans, 0, 1)
	}
	ch <- now
	w.chans = append(w.chans, ch)
	return ch
}

// publish replaces what a slow reader has not taken yet: there is one sender, so the second send cannot block.
func (w *watchers) publish(s State) {
	if w.closed {
		return
	}
	for _, ch := range w.chans {
		select {
		case <-ch:
		default:
		}
		ch <- s
	}
}

func (w *watchers) close() {
	for _, ch := range w.chans {
		close(ch)
	}
	w.chans, w.closed = nil, true
}
