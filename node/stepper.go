package node

import (
	"fmt"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// Stepper is a node taken apart: the production core, log, store and applier, where every turn that a goroutine takes in a
// Node is a method. It has no goroutine, no clock and no network, so that its owner decides what happens when. Transcripts
// and the simulator are built on it. Not safe for concurrent use.
//
// After inputs the owner calls Ready and carries out what it returns; Persist, Apply and Flush are the workers' turns. An
// error of one of them ends the process in production: the owner drops the Stepper and opens another one on the same disks.
type Stepper struct {
	self    *internalv1.Identity
	core    *core
	log     *raftlog.Log
	store   *store.Store
	retain  uint64
	appends []*pb.Message
	applies []applyWork
	files   map[uint64]string // received store files by index
}

// StepperConfig says what a Stepper is made of.
type StepperConfig struct {
	// Log and Store are the disks; both hold a formed node.
	Log   raftlog.Disk
	Store store.Disk
	// Nonce is what is random in a process start: 16 bytes.
	Nonce []byte
	// RetainEntries is as in Config; DefaultRetainEntries when 0.
	RetainEntries uint64
	// OverlayBytes is as in store.Options.
	OverlayBytes int
	// PeerAddress is what this start announces.
	PeerAddress string
}

// StepOutput is what the inputs since the last Ready ask for, as far as other nodes are concerned.
type StepOutput struct {
	Messages  []*pb.Message // to peers, at once
	Snapshots []*pb.Message // send a Spool with each, then report with SnapshotSent
	HandOns   []HandOn
	Probes    []Probe
	// Changed says that leader, role or term differ from the last Ready.
	Changed bool
}

// HandOn is a command that belongs to another node's log: give it to that node's Propose, once, and answer Done.
type HandOn struct {
	Leader  uint64
	Command []byte
	Done    func(Answer)
}

// Probe asks whether the process that led Term and counted Boot starts is gone; report with PeerGone if it is.
type Probe struct{ Peer, Boot, Term uint64 }

// Answer is how a command ended: with the result of the entry at Index, or with an error.
type Answer struct {
	Index  uint64
	Result []byte // marshalled internalv1.Result
	Err    *Error
}

// StepState is what a node believes.
type StepState struct {
	Role                  raft.StateType
	Term, Leader          uint64
	Commit, Applied       uint64
	FirstIndex, LastIndex uint64
	Flushed               uint64
}

// OpenStepper is a process start: it opens the disks, repairs what a crash left between them and counts the start.
func OpenStepper(cfg StepperConfig) (*Stepper, error) {
	s := &Stepper{retain: cfg.RetainEntries, files: map[uint64]string{}}
	if s.retain == 0 {
		s.retain = DefaultRetainEntries
	}
	var err error
	if s.log, err = raftlog.OpenDisk(cfg.Log, raftlog.Options{}); err != nil {
		return nil, err
	}
	if s.store, err = store.OpenDisk(cfg.Store, store.Options{Manual: true, OverlayBytes: cfg.OverlayBytes}); err != nil {
		return nil, err
	}
	if err := reconcile(s.log, s.store.Flushed()); err != nil {
		return nil, err
	}
	id := s.log.Identity()
	id.Boot++
	if err := s.log.SetIdentity(id); err != nil {
		return nil, err
	}
	s.self = &internalv1.Identity{
		Id: id.ID, Name: id.Name, ClusterId: id.ClusterID, Incarnation: id.Incarnation, Boot: id.Boot, BootNonce: cfg.Nonce,
		PeerAddress: cfg.PeerAddress, MaxClusterVersion: MaxClusterVersion,
	}
	s.core, err = newCore(coreConfig{
		id: id.ID, boot: id.Boot, storage: storage{Log: s.log, flushed: s.store.Flushed}, applied: s.store.Flushed().Index,
		logger: silent{}, version: s.store.ClusterVersion,
	})
	return s, err
}

// Self is what this start says of itself in a hello.
func (s *Stepper) Self() *internalv1.Identity { return s.self }

// Store is the node's state, to read.
func (s *Stepper) Store() *store.Store { return s.store }

// State is what the node believes now.
func (s *Stepper) State() StepState {
	st := StepState{
		Role: s.core.state, Term: s.core.term, Leader: s.core.lead, Commit: s.core.rn.BasicStatus().GetCommit(),
		Applied: s.store.Applied(), Flushed: s.store.Flushed().Index,
	}
	st.FirstIndex, _ = s.log.FirstIndex()
	st.LastIndex, _ = s.log.LastIndex()
	return st
}

// Accepts is the check of a peer's hello against the replicated member records.
func (s *Stepper) Accepts(peer *internalv1.Identity) error {
	records, err := s.store.Members()
	if err != nil {
		return err
	}
	return checkMember(records, peer)
}

// Advance sets the clocks: now is monotonic, wallMS the wall clock in Unix milliseconds.
func (s *Stepper) Advance(now time.Duration, wallMS int64) { s.core.advance(now, wallMS) }

// Tick moves raft's clock by one TickInterval.
func (s *Stepper) Tick() { s.core.doTick() }

// Receive takes a message from a peer.
func (s *Stepper) Receive(m *pb.Message) { s.core.step(m) }

// ReceiveFile takes a MsgSnap whose store file has arrived whole at path.
func (s *Stepper) ReceiveFile(m *pb.Message, path string) {
	s.files[m.GetSnapshot().GetMetadata().GetIndex()] = path
	s.core.step(m)
}

// Unreachable says that messages to a peer are being lost.
func (s *Stepper) Unreachable(peer uint64) { s.core.unreachable(peer) }

// SnapshotSent reports what became of one of StepOutput.Snapshots.
func (s *Stepper) SnapshotSent(peer uint64, ok bool) { s.core.snapshotSent(peer, ok) }

// LinkDown says that the stream from a peer's process ended.
func (s *Stepper) LinkDown(peer, boot uint64) { s.core.linkDown(peer, boot) }

// PeerGone answers a Probe: that process is gone.
func (s *Stepper) PeerGone(peer, term uint64) { s.core.peerGone(peer, term) }

// Propose takes a command; handedOn marks one that a follower handed on. done is called once, within one of the methods.
func (s *Stepper) Propose(cmd []byte, handedOn bool, done func(Answer)) {
	s.core.propose(&proposal{cmd: cmd, handedOn: handedOn, done: func(o outcome) {
		done(Answer{Index: o.index, Result: o.data, Err: o.err})
	}})
}

// Read calls done once: without an error when Store holds everything that was committed when Read was called.
func (s *Stepper) Read(done func(*Error)) { s.core.read(&readWait{readers: 1, done: done}) }

// TransferLeadership begins to hand leadership to a member; 0 for the most caught-up one.
func (s *Stepper) TransferLeadership(to uint64) { s.core.transferLeader(to) }

// Deadline is when Ready has something to do by itself; 0 for never.
func (s *Stepper) Deadline() time.Duration { return s.core.deadline() }

// Ready lets the core act. Work for the disk and the state machine is queued for Persist and Apply.
func (s *Stepper) Ready() StepOutput {
	out := s.core.ready()
	s.appends = append(s.appends, out.appends...)
	s.applies = append(s.applies, out.applies...)
	for _, f := range out.failed {
		f.p.done(outcome{err: f.err})
	}
	for _, r := range out.readable {
		r.done(r.err)
	}
	so := StepOutput{Messages: out.messages, Snapshots: out.snapshots, Changed: out.changed}
	for _, h := range out.handOns {
		so.HandOns = append(so.HandOns, HandOn{Leader: h.leader, Command: h.p.cmd, Done: func(a Answer) {
			h.p.done(outcome{index: a.Index, data: a.Result, err: a.Err})
		}})
	}
	for _, p := range out.probes {
		so.Probes = append(so.Probes, Probe{Peer: p.peer, Boot: p.boot, Term: p.term})
	}
	return so
}

// Pending says how much work waits for Persist and for Apply.
func (s *Stepper) Pending() (appends, applies int) { return len(s.appends), len(s.applies) }

// silent is raft's logger where nobody reads it.
type silent struct{}

func (silent) Debug(...any)              {}
func (silent) Debugf(string, ...any)     {}
func (silent) Info(...any)               {}
func (silent) Infof(string, ...any)      {}
func (silent) Warning(...any)            {}
func (silent) Warningf(string, ...any)   {}
func (silent) Error(...any)              {}
func (silent) Errorf(string, ...any)     {}
func (silent) Fatal(v ...any)            { panic(fmt.Sprint(v...)) }
func (silent) Fatalf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }
func (silent) Panic(v ...any)            { panic(fmt.Sprint(v...)) }
func (silent) Panicf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }
