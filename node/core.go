package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// core is the deterministic heart of a node: inputs in, outputs out. It is not safe for concurrent use. Time is an
// argument: now is any monotonic clock, wallMS the wall clock that a leader stamps entries with.
//
// After one or more inputs the owner calls ready, carries out the output, and feeds what comes of it back as inputs.
type core struct {
	id   uint64
	rn   *raft.RawNode
	now  time.Duration
	tick uint64
	// Wall clock in Unix milliseconds, for the stamps of entries.
	wallMS int64

	// Raft's soft state as of the last ready.
	state raft.StateType
	lead  uint64
	term  uint64
	// Tick at which the leader was lost; meaningful while lead is 0.
	leaderlessSince uint64
	// Tick at which this node last knew itself to be in contact with a leader that has a quorum.
	currentTick uint64
	applied     uint64
	// Term of the newest entry that raft handed out as committed.
	committedTerm uint64
	// Index of the newest snapshot that raft took over.
	restored uint64
	version  func() uint32

	proposals proposalQueue
	reads     readQueue
	quick     quickElection
	// held are questions for when the leader is forgotten, ownPreVotes answers to the own one.
	held        []heldPreVote
	ownPreVotes []*pb.Message
	handover    handover
	// confChange waits for the next ready; confAsked is the tick at which raft was last given one, 0 once it was applied.
	confChange *pb.ConfChangeV2
	confAsked  uint64
	appends    []unansweredAppend // oldest first
	writing    int                // how many of them hold entries

	out output
}

// output is what the inputs since the last ready ask for. Within each list the order counts; between them it does not.
type output struct {
	messages  []*pb.Message // to peers, at once
	appends   []*pb.Message // MsgStorageAppend, strictly first in first out
	applies   []applyWork   // strictly first in first out
	snapshots []*pb.Message // MsgSnap: metadata only; send the store file, then report with snapshotSent
	handOns   []handOn      // to the leader that was known then, once
	failed    []failure     // proposals that end without a result
	readable  []*readWait   // reads that may go on, or that failed
	probes    []probe       // ask whether this peer's process is gone; report with peerGone
	changed   bool          // leader, state or term differs from the last ready
}

// failure is a proposal's end without a result.
type failure struct {
	p   *proposal
	err *Error
}

// handOn is a command that belongs to another node's log.
type handOn struct {
	p      *proposal
	leader uint64
}

// unansweredAppend is a MsgStorageAppend that is not durable yet.
type unansweredAppend struct {
	tick    uint64 // at which it was emitted
	entries bool   // whether it holds any; others wait for no disk
}

// probe asks whether the process that led term and counted boot starts is gone.
type probe struct {
	peer, boot, term uint64
}

// coreConfig is what core needs to know; the sizes come from limits.go.
type coreConfig struct {
	id uint64
	// boot counts the starts, so that nothing is taken for an answer to this one that answers an earlier one.
	boot    uint64
	storage raft.Storage
	applied uint64
	logger  raft.Logger
	// version is the replicated cluster version as far as it is applied here: nothing above it is given to raft.
	version func() uint32
}

func newCore(c coreConfig) (*core, error) {
	rn, err := raft.NewRawNode(&raft.Config{
		ID:                        c.id,
		ElectionTick:              ElectionTicks,
		HeartbeatTick:             HeartbeatTicks,
		Storage:                   c.storage,
		Applied:                   c.applied,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             maxRaftMessageBytes,
		MaxCommittedSizePerReady:  maxApplyingBytes,
		MaxUncommittedEntriesSize: maxUncommittedBytes,
		MaxInflightMsgs:           maxInflightMessages,
		MaxInflightBytes:          maxInflightBytes,
		CheckQuorum:               true,
		PreVote:                   true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		Logger:                    c.logger,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
	})
	if err != nil {
		return nil, fmt.Errorf("start raft: %w", err)
	}
	st := rn.BasicStatus()
	return &core{
		id: c.id, rn: rn, applied: c.applied, version: c.version, state: st.RaftState, lead: st.Lead, term: st.GetTerm(),
		reads: readQueue{round: c.boot << 32},
	}, nil
}

// advance moves the clock. Every other input happens at the time of the last advance.
func (c *core) advance(now time.Duration, wallMS int64) { c.now, c.wallMS = now, wallMS }

// doTick moves raft's logical clock by one tick.
func (c *core) doTick() {
	c.tick++
	c.rn.Tick()
	c.retryReads()
	c.pushHandover()
	c.expireHeld()
	c.watchDisk()
}

// step takes a message from a peer or a response from a worker.
func (c *core) step(m *pb.Message) {
	switch m.GetType() {
	case pb.MsgStorageAppendResp, pb.MsgStorageApplyResp:
		// The owner tells what was applied through appliedTo before it steps the response.
	case pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap:
		if m.GetTerm() >= c.term {
			c.currentTick = c.tick
		}
	case pb.MsgPreVote:
		if !c.preVote(m) {
			return
		}
	case pb.MsgPreVoteResp:
		if c.yielded(m) {
			return
		}
	case pb.MsgVoteResp:
		if m.GetReject() {
			c.voteRefused(m)
		}
	case pb.MsgTransferLeader:
		// A follower asks for leadership. What is in the log is finished first, as when this node is told to give it.
		if c.isLeader() && slices.Contains(c.liveVoters(c.id), m.GetFrom()) {
			c.transferLeader(m.GetFrom())
			return
		}
	case pb.MsgTimeoutNow:
		c.quick = quickElection{}
	case pb.MsgReadIndex:
		if !c.knowsCommitted() && c.onlyVoter() {
			return // asked again by whoever asks
		}
	}
	if err := c.rn.Step(m); err != nil && !errors.Is(err, raft.ErrProposalDropped) &&
		!errors.Is(err, raft.ErrStepPeerNotFound) {
		panic(fmt.Sprintf("node %d: raft refused a %s from %d at term %d: %v", c.id, m.GetType(), m.GetFrom(), c.term, err))
	}
	if m.GetType() == pb.MsgSnap {
		c.drain() // whether raft took it over has to be known before the next change is applied
	}
}

// appendDone says that the oldest n unanswered appends are durable. Their responses are stepped by the owner.
func (c *core) appendDone(n int) {
	for _, a := range c.appends[:n] {
		if a.entries {
			c.writing--
		}
	}
	c.appends = slices.Delete(c.appends, 0, n)
}

// appliedTo says that the state machine has applied index.
func (c *core) appliedTo(index uint64) {
	if index > c.applied {
		c.applied = index
		c.releaseReads()
	}
}

// unreachable says that messages to a peer are being lost.
func (c *core) unreachable(peer uint64) { c.rn.ReportUnreachable(peer) }

// snapshotSent reports what became of a MsgSnap.
func (c *core) snapshotSent(peer uint64, ok bool) {
	status := raft.SnapshotFinish
	if !ok {
		status = raft.SnapshotFailure
	}
	c.rn.ReportSnapshot(peer, status)
}

// mostCaughtUp is the voter other than this node whose log is longest and that was heard lately; 0 when there is none.
func (c *core) mostCaughtUp() uint64 {
	var best, match uint64
	st := c.rn.Status()
	for id := range st.Config.Voters[0] { // who leaves with a joint change does not lead after it
		pr, ok := st.Progress[id]
		if !ok || id == c.id || !pr.RecentActive {
			continue
		}
		if best == 0 || pr.Match > match || pr.Match == match && id < best {
			best, match = id, pr.Match
		}
	}
	return best
}

// watchDisk gives leadership away when the own disk is stuck: such a leader still heartbeats, so nobody else notices.
func (c *core) watchDisk() {
	if c.state != raft.StateLeader || !c.diskStuck() {
		return
	}
	if to := c.mostCaughtUp(); to != 0 {
		c.rn.TransferLeader(to)
	}
	c.failInflight(&Error{Outcome: Unknown, Cause: CauseDiskStuck})
}

func (c *core) isLeader() bool { return c.state == raft.StateLeader }

func (c *core) diskStuck() bool {
	return len(c.appends) > 0 && c.tick-c.appends[0].tick >= stuckDiskTicks
}

// hasQuorum says whether this node is in contact with a leader that has a quorum. CheckQuorum makes a leader without
// one step down within an election timeout; a follower trusts what it heard within the same time.
func (c *core) hasQuorum() bool {
	if c.isLeader() {
		return true
	}
	return c.lead != 0 && c.tick-c.currentTick < 2*ElectionTicks
}
