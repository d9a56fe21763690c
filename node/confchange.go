package node

import (
	"fmt"

	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/quorum"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// conf is the configuration in force, with both halves of a joint one.
func (c *core) conf() *pb.ConfState {
	cfg := c.rn.Status().Config
	return &pb.ConfState{
		Voters: cfg.Voters[0].Slice(), VotersOutgoing: cfg.Voters[1].Slice(),
		Learners: quorum.MajorityConfig(cfg.Learners).Slice(), LearnersNext: quorum.MajorityConfig(cfg.LearnersNext).Slice(),
		AutoLeave: &cfg.AutoLeave,
	}
}

// applyConfChange makes the configuration change at index take effect and returns the configuration after it; before is the
// one that the state machine holds. Raft takes over a snapshot's configuration when the snapshot arrives, while older entries
// may still wait to be applied: a change among them is in that configuration already, and raft must not see it again. The
// simulator found that, seed 204194.
func (c *core) applyConfChange(index uint64, before *pb.ConfState, cc pb.ConfChangeI) (*pb.ConfState, error) {
	c.confAsked = 0
	if index <= c.restored {
		return confAfter(before, cc.AsV2())
	}
	return c.rn.ApplyConfChange(cc), nil
}

// confAfter is what a change makes of a configuration, without raft. It mirrors raft's own applyConfChange.
func confAfter(before *pb.ConfState, cc *pb.ConfChangeV2) (*pb.ConfState, error) {
	t := tracker.MakeProgressTracker(maxInflightMessages, maxInflightBytes)
	cfg, progress, err := confchange.Restore(confchange.Changer{Tracker: t}, before)
	if err != nil {
		return nil, fmt.Errorf("restore configuration %v: %w", before, err)
	}
	t.Config, t.Progress = cfg, progress
	changer := confchange.Changer{Tracker: t}
	if cc.LeaveJoint() {
		cfg, _, err = changer.LeaveJoint()
	} else if autoLeave, joint := cc.EnterJoint(); joint {
		cfg, _, err = changer.EnterJoint(autoLeave, cc.GetChanges()...)
	} else {
		cfg, _, err = changer.Simple(cc.GetChanges()...)
	}
	if err != nil {
		return nil, fmt.Errorf("change configuration %v by %v: %w", before, cc, err)
	}
	t.Config = cfg
	return t.ConfState(), nil
}

// unmarshalConfChange reads an entry that changes the configuration; of another type it is an error.
func unmarshalConfChange(e *pb.Entry) (cc pb.ConfChangeI, err error) {
	switch e.GetType() {
	case pb.EntryConfChange:
		v1 := new(pb.ConfChange)
		cc, err = v1, proto.Unmarshal(e.GetData(), v1)
	case pb.EntryConfChangeV2:
		v2 := new(pb.ConfChangeV2)
		cc, err = v2, proto.Unmarshal(e.GetData(), v2)
	default:
		return nil, fmt.Errorf("apply index %d term %d: unknown entry type %d; upgrade this node", e.GetIndex(), e.GetTerm(),
			e.GetType())
	}
	if err != nil {
		return nil, fmt.Errorf("apply configuration change at index %d: %w", e.GetIndex(), err)
	}
	return cc, nil
}
