package node

import (
	"fmt"
	"time"

	"parley/proto/internalv1"
)

// Outcome says what became of a command that got no result.
type Outcome int

const (
	// NotApplied means that the command was never given to raft, or that raft dropped it: it did not take effect and
	// never will.
	NotApplied Outcome = iota + 1
	// Unknown means that the command may or may not take effect. Only a retry with the same request id tells.
	Unknown
)

// Cause says why a command got no result, or why a read could not be served.
type Cause int

const (
	// CauseNoLeader means that this node knows no leader that has a quorum.
	CauseNoLeader Cause = iota + 1
	// CauseLeaderLost means that leadership moved while the command was under way.
	CauseLeaderLost
	// CauseDeadline means that the caller's context ended first.
	CauseDeadline
	// CauseOverloaded means that a bounded queue is full; wait and try again.
	CauseOverloaded
	// CauseStopped means that this node is shutting down.
	CauseStopped
	// CauseTooLarge means that the command exceeds MaxCommandBytes.
	CauseTooLarge
	// CauseDiskLow means that the leader is short of disk space and takes only commands that add nothing.
	CauseDiskLow
	// CauseDiskStuck means that the leader's disk does not answer; it gives leadership away.
	CauseDiskStuck
	// CauseVersionTooLow means that not every member runs a program that knows the command yet.
	CauseVersionTooLow
)

// Error is returned by Propose and ReadBarrier when there is no result.
type Error struct {
	Outcome Outcome
	Cause   Cause
	// Leader is the client address of the node to try next; empty when unknown.
	Leader string
}

func (e *Error) Error() string {
	what := "not applied"
	if e.Outcome == Unknown {
		what = "outcome unknown"
	}
	return fmt.Sprintf("%s: %s", what, e.Cause)
}

func (c Cause) String() string {
	switch c {
	case CauseNoLeader:
		return "no leader with a quorum"
	case CauseLeaderLost:
		return "leadership was lost"
	case CauseDeadline:
		return "the deadline passed"
	case CauseOverloaded:
		return "too much is waiting"
	case CauseStopped:
		return "the node is stopping"
	case CauseTooLarge:
		return "the command is too large"
	case CauseDiskLow:
		return "the leader is short of disk space"
	case CauseDiskStuck:
		return "the leader's disk does not answer"
	case CauseVersionTooLow:
		return "the cluster version is too low"
	default:
		return fmt.Sprintf("cause %d", int(c))
	}
}

// Status is what one node knows of itself and of the cluster, taken without asking anybody.
type Status struct {
	ID        uint64
	Name      string
	ClusterID []byte
	Term      uint64
	// Leader is 0 when unknown.
	Leader     uint64
	LeaderName string
	// LeaderAddress is where clients reach the leader; empty when unknown.
	LeaderAddress string
	// Quorum is true while this node has recent contact with a leader that has a quorum, or is that leader.
	Quorum bool
	// CaughtUp is true once this node has applied everything that was committed when it started, and lags little.
	CaughtUp bool
	// Age is how long ago this node last knew itself to be current; 0 on a leader with a quorum.
	Age       time.Duration
	Committed uint64
	Applied   uint64
	Flushed   uint64
	Compacted uint64
	// ClusterVersion is the replicated cluster version as far as it is applied here.
	ClusterVersion uint32
	Members        []Member
	// Joining are members that were added and are not in the configuration yet.
	Joining []Member

	// CommitUS is the slowest commit in microseconds of each of the last 60 seconds, oldest first, as the leader measured them.
	// Only from ClusterStatus, and only when the leader tells.
	CommitUS []uint32

	progress []*internalv1.PeerProgress // of the members; on a leader only, never changed
	joint    bool                       // a change of the configuration is half done
	changing bool                       // the leader has something to do about the membership
}

// Member is one member as the replicated state and this node's links describe it.
type Member struct {
	ID              uint64
	Name            string
	Address         string
	PeerAddress     string
	Learner         bool
	Reachable       bool
	Applied         uint64
	SoftwareVersion string
	// Match is the index that the leader knows to be in its log, Snapshot that it is sending the member a copy of the state,
	// Uptime how long its process runs, and Err why it did not answer. Only from ClusterStatus, and where they are known.
	Match    uint64
	Snapshot bool
	Uptime   time.Duration
	Err      string
	// Pending says, for a person, what still has to happen to the member; empty when nothing has.
	Pending string
}

// MemberHash is one member's answer to StateHashes. Hash is nil when Err is not.
type MemberHash struct {
	Name    string
	Applied uint64
	Hash    []byte
	Err     error
}
