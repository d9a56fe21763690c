package node

import (
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Housekeep is the housekeeper's turn: this start is announced until the replicated state has it, and a leader raises the
// cluster version and makes the configuration follow the member records.
func (s *Stepper) Housekeep() {
	if !s.core.hasQuorum() {
		return
	}
	records, err := s.store.Members()
	if err != nil {
		return
	}
	if !announced(records, s.self) {
		s.proposeInternal(announcement(s.self))
	}
	if !s.core.isLeader() {
		return
	}
	now := s.store.ClusterVersion()
	if v := leastVersion(records, everyMember(s.core.conf())); v > now {
		s.proposeInternal(&internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
			RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: v},
		}})
	}
	s.core.manageMembers(membership{records: records, last: s.store.LastMember(), version: now})
}

// Admit records the data directory of a machine that joins, as the peer call Join does. It may start once done was called
// without an error.
func (s *Stepper) Admit(newcomer *internalv1.Identity, done func(Answer)) {
	b, err := proto.Marshal(announcement(newcomer))
	if err != nil {
		panic(err)
	}
	s.Propose(b, false, done)
}

// everyMember lists the ids of a configuration.
func everyMember(c *pb.ConfState) []uint64 {
	return slices.Concat(c.GetVoters(), c.GetVotersOutgoing(), c.GetLearners(), c.GetLearnersNext())
}

// Commands returns the commands of an entry, as the edges made them; none of an empty entry. They share memory with it.
func Commands(e *pb.Entry) ([][]byte, error) {
	if e.GetType() != pb.EntryNormal || len(e.GetData()) == 0 {
		return nil, nil
	}
	_, cmds, err := parseEnvelope(e.GetData())
	return cmds, err
}

func (s *Stepper) proposeInternal(cmd *internalv1.Command) {
	b, err := proto.Marshal(cmd)
	if err != nil {
		panic(err)
	}
	s.core.propose(&proposal{cmd: b, done: func(outcome) {}})
}

// Persist is the append worker's turn: one transaction for all the appends up to the next snapshot, or one snapshot
// install. It returns what may be said to peers now that this is durable. An install applies what is queued before it.
func (s *Stepper) Persist() (said []*pb.Message, applied []*pb.Entry, err error) {
	if len(s.appends) == 0 {
		return nil, nil, nil
	}
	batch, rest := splitAtSnapshot(s.appends)
	s.appends = rest
	if sn := batch[0].GetSnapshot(); sn.GetMetadata().GetIndex() != 0 {
		applied, err = s.install(batch[0])
	} else {
		err = s.log.Append(mergeAppends(batch))
	}
	if err != nil {
		return nil, applied, err
	}
	s.core.appendDone(len(batch))
	for _, m := range responses(batch) {
		if m.GetTo() == s.core.id {
			s.core.step(m)
		} else {
			said = append(said, m)
		}
	}
	return said, applied, nil
}

func (s *Stepper) install(m *pb.Message) ([]*pb.Entry, error) {
	applied, err := s.Apply()
	if err != nil {
		return applied, err
	}
	meta := m.GetSnapshot().GetMetadata()
	path, ok := s.files[meta.GetIndex()]
	if !ok {
		return applied, fmt.Errorf("no received file holds index %d", meta.GetIndex())
	}
	delete(s.files, meta.GetIndex())
	if _, err := s.store.Install(path); err != nil {
		return applied, err
	}
	s.core.appliedTo(meta.GetIndex())
	return applied, resetLog(s.log, m)
}

// Apply is the apply worker's turn. It returns the entries that the state machine took.
func (s *Stepper) Apply() ([]*pb.Entry, error) {
	if len(s.applies) == 0 {
		return nil, nil
	}
	works := s.applies
	s.applies = nil
	a := &applier{sm: s.store, confChange: s.core.applyConfChange}
	if err := a.apply(works); err != nil {
		return nil, err
	}
	s.core.appliedTo(lastIndex(works))
	var entries []*pb.Entry
	for _, w := range works {
		entries = append(entries, w.m.GetEntries()...)
		for _, m := range w.m.GetResponses() {
			s.core.step(m)
		}
	}
	return entries, nil
}

// Flush is the store's flusher's turn, and what follows it: the log behind the flush is cut.
func (s *Stepper) Flush() error {
	if err := s.store.Flush(); err != nil {
		return err
	}
	if to := compactTo(s.log, s.store.Flushed().Index, s.retain, s.core.needed()); to != 0 {
		s.log.Compact(to)
	}
	return nil
}

// Spool writes the store file that belongs to a MsgSnap, and returns the message rewritten to what the file holds.
func (s *Stepper) Spool(m *pb.Message, path string) (*pb.Message, error) {
	mark, _, err := s.store.Spool(path)
	if err != nil {
		return nil, err
	}
	return snapshotMessage(m, mark)
}
