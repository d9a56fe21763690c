package peer

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"

	"go.etcd.io/raft/v3/raftpb"

	"parley/proto/internalv1"
)

// Outcome says what became of a command that was handed on.
type Outcome = internalv1.HandOnAnswer_Outcome

const (
	// Result: the command was applied, and Answer.Result is its result.
	Result = internalv1.HandOnAnswer_OUTCOME_RESULT
	// NotApplied: it did not take effect and never will.
	NotApplied = internalv1.HandOnAnswer_OUTCOME_NOT_APPLIED
	// Unknown: it may or may not take effect.
	Unknown = internalv1.HandOnAnswer_OUTCOME_UNKNOWN
	// Overloaded: not applied, because a bounded queue was full; wait and try again.
	Overloaded = internalv1.HandOnAnswer_OUTCOME_OVERLOADED
)

// Command is one command that a follower handed on. ID means something to that stream only.
type Command struct {
	ID    uint64
	Bytes []byte
}

// Answer is what became of a command.
type Answer struct {
	Outcome Outcome
	// Result is the marshalled result; set when Outcome is Result.
	Result []byte
	// DiskLow tells, with Overloaded, that the leader is short of disk space.
	DiskLow bool
	// Index is where in the log the command was applied; the follower waits for it before it answers reads after
	// writes.
	Index uint64
}

// Handler is the node, as the transport sees it. All methods may run concurrently with each other, except as said.
type Handler interface {
	// Step takes one raft message from a peer. The goroutine of that peer's stream calls it, one message at a time, in
	// the order they came. It may block to slow the peer down, but not after the node began to stop.
	Step(m *raftpb.Message)

	// LinkDown says that the incoming raft stream from this process ended, for whatever reason. It runs on the same
	// goroutine as that stream's Step, after the last of them. It must not block for long: a new stream of the same
	// peer waits for it.
	LinkDown(from, boot uint64)

	// Soft takes a frame of soft state from a peer. The goroutine of that peer's stream calls it, after the Step of the
	// messages that came before it. It must not block. The bytes belong to the handler.
	Soft(from uint64, frame []byte)

	// HandOn takes a frame of commands from a follower. The goroutine of that stream calls it; it may block to slow the
	// follower down, until ctx ends. ctx ends with the stream. answer must be called once for each command, from any
	// goroutine and in any order, also after HandOn returned; it never blocks, and does nothing once the stream ended.
	// The command bytes belong to the handler.
	HandOn(ctx context.Context, cmds []Command, answer func(id uint64, a Answer))

	// CheckIdentity refuses an identity that contradicts the replicated member records, or says nil. An error that is a
	// *Refusal is passed on as it is; any other becomes one with reason ReasonOther. The transport has already compared
	// cluster id, id, and what it saw of that peer in this run. It is called for every hello, on both sides, and must
	// not block.
	CheckIdentity(id *internalv1.Identity) error

	// Join decides on a machine that was added by name and has no id yet; see PeerService.Join. A *Refusal is told to it as
	// one, any other error makes it ask again. It may block until ctx ends.
	Join(ctx context.Context, from *internalv1.Identity) (*internalv1.JoinResponse, error)

	// OpenIncoming is called when a peer begins to send a store file of size bytes; m is its MsgSnap, whose sender and
	// target were checked. At most one file comes at a time.
	OpenIncoming(m *raftpb.Message, size uint64) (Incoming, error)

	// OpenOutgoing copies this node's store, at minIndex or above, for a member that lost its own. It may block for the
	// length of the copy, but not after the node began to stop. An error is told to the member, which asks again.
	OpenOutgoing(to, minIndex uint64) (Outgoing, error)

	// Status tells this node's progress; Identity is filled by the transport. It must not block.
	Status() *internalv1.PeerStatusResponse

	// HashAt waits until index is applied, or ctx ends, and tells the state hash that was recorded there.
	HashAt(ctx context.Context, index uint64) (hash []byte, applied uint64, err error)
}

// Incoming is a store file on its way in. Exactly one of Commit and Abort is called, once. All calls come from one
// goroutine.
type Incoming interface {
	io.Writer
	// Commit says that every byte came and that size and checksum are right. It makes the file durable, checks it, and
	// gives the message to raft. An error is told to the sender; the file is then the handler's to remove.
	Commit() error
	// Abort removes the file.
	Abort()
}

// Options are what New needs. The callbacks run on the transport's goroutines; they must not block for long and must
// not call Close. Each may be nil.
type Options struct {
	// Self is who this node is. It is copied. Identity.unix_ms is filled at each use.
	Self    *internalv1.Identity
	Handler Handler
	// Server and Client are the TLS configurations of the two sides; both nil means plaintext.
	Server, Client *tls.Config
	Logger         *slog.Logger
	// Peers are the first peers, id -> address; SetPeers changes them.
	Peers map[uint64]string

	// Unreachable says that messages to this peer were lost; at most once in 50 ms for each peer.
	Unreachable func(id uint64)
	// LinkUp says that messages to this peer can be sent (again).
	LinkUp func(id uint64)
	// Refused says that a peer does not accept this node. See Refusal.Fatal.
	Refused func(id uint64, r *Refusal)
}
