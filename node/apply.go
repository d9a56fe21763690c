package node

import (
	"errors"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/store"
)

// applier feeds committed entries to the state machine and answers their waiters. It belongs to the apply worker.
type applier struct {
	sm *store.Store
	// confChange makes the configuration change at an index take effect in raft and returns the configuration after it;
	// errStopping when the node is stopping.
	confChange func(index uint64, before *pb.ConfState, cc pb.ConfChangeI) (*pb.ConfState, error)
}

// errStopping ends an apply without harm: what was not applied is applied after the next start.
var errStopping = errors.New("the node is stopping")

// apply applies the entries of several MsgStorageApply as one: readers see one new view, subscribers one wake-up. An error
// is fatal: one node must never answer "error" where others applied. The waiters of what was not applied then learn that
// their outcome is unknown.
func (a *applier) apply(works []applyWork) (err error) {
	var run []store.Entry
	var waiters []inflightEntry
	defer func() {
		if err != nil {
			failWaiters(waiters)
		}
	}()
	for _, w := range works { // all first: an error in the middle ends those behind it too
		waiters = append(waiters, w.waiters...)
	}
	for _, w := range works {
		for _, e := range w.m.GetEntries() {
			if e.GetType() != pb.EntryNormal {
				if err := a.applyRun(run, &waiters); err != nil {
					return err
				}
				run = run[:0]
				if err := a.applyConfChange(e); err != nil {
					return err
				}
				continue
			}
			se := store.Entry{Index: e.GetIndex(), Term: e.GetTerm()}
			if len(e.GetData()) > 0 {
				var err error
				if se.StampMS, se.Commands, err = parseEnvelope(e.GetData()); err != nil {
					return fmt.Errorf("apply index %d term %d: %w", se.Index, se.Term, err)
				}
			}
			run = append(run, se)
		}
	}
	return a.applyRun(run, &waiters)
}

// failWaiters answers those whose entries this node will not apply before it stops.
func failWaiters(waiters []inflightEntry) {
	for _, w := range waiters {
		for _, p := range w.proposals {
			p.done(outcome{err: &Error{Outcome: Unknown, Cause: CauseStopped}})
		}
	}
}

// applyRun applies normal entries and answers the waiters among them.
func (a *applier) applyRun(run []store.Entry, waiters *[]inflightEntry) error {
	if len(run) == 0 {
		return nil
	}
	results, err := a.sm.Apply(run)
	if err != nil {
		return err
	}
	for i, e := range run {
		if len(*waiters) == 0 {
			break
		}
		w := (*waiters)[0]
		if w.index != e.Index {
			continue
		}
		*waiters = (*waiters)[1:]
		if len(results[i]) != len(w.proposals) {
			panic(fmt.Sprintf("node: entry %d gave %d results for %d commands", e.Index, len(results[i]), len(w.proposals)))
		}
		for j, p := range w.proposals {
			p.done(outcome{index: e.Index, data: results[i][j]})
		}
	}
	return nil
}

// applyConfChange applies a change of the configuration. The store flushes each, so what is flushed is what was in force.
func (a *applier) applyConfChange(e *pb.Entry) error {
	cc, err := unmarshalConfChange(e)
	if err != nil {
		return err
	}
	before, err := parseConfState(a.sm.Flushed().ConfState)
	if err != nil {
		return err
	}
	conf, err := a.confChange(e.GetIndex(), before, cc)
	if err != nil {
		return err
	}
	cs, err := proto.Marshal(conf)
	if err != nil {
		return err
	}
	return a.sm.SetConfState(e.GetIndex(), e.GetTerm(), cs)
}

// lastIndex is the index of the last entry of the works.
func lastIndex(works []applyWork) uint64 {
	es := works[len(works)-1].m.GetEntries()
	return es[len(es)-1].GetIndex()
}
