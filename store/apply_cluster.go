package store

import (
	"bytes"

	"parley/proto/internalv1"
)

const (
	incarnationBytes = 16
	maxNodeLabel     = 255
)

// announceMember records what a node says of itself. A node id belongs to one data directory for ever, and that
// directory's starts are counted: another incarnation is a directory that was made anew, and a boot number that does
// not go up is one that was copied back. Neither may take part.
func (m *machine) announceMember(b *internalv1.AnnounceMember) (*internalv1.Result, error) {
	switch {
	case b.GetId() == 0:
		return refuseField("id", "must not be 0"), nil
	case len(b.GetIncarnation()) != incarnationBytes:
		return refuseField("incarnation", "must have 16 bytes"), nil
	case b.GetBoot() == 0:
		return refuseField("boot", "must not be 0"), nil
	}
	for _, l := range []struct{ field, value string }{
		{"name", b.GetName()}, {"address", b.GetAddress()}, {"peer_address", b.GetPeerAddress()},
		{"software_version", b.GetSoftwareVersion()},
	} {
		if why := badLabel(l.value, maxNodeLabel); why != "" {
			return refuseField(l.field, "%s", why), nil
		}
	}
	if v := m.globals.GetClusterVersion(); v > 1 && b.GetMaxClusterVersion() < v { // no program of version 1 applies this
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "max_cluster_version",
			"the cluster is at version %d, node id %d knows up to %d; upgrade it", v, b.GetId(), b.GetMaxClusterVersion()), nil
	}
	old, err := load[internalv1.AnnounceMember](&m.layers, keyNode(m.key(), b.GetId()))
	if err != nil {
		return nil, err
	}
	if refusal := m.admitAnnouncement(b, old); refusal != nil {
		return refusal, nil
	}
	if old == nil {
		n := 0
		it := m.scan([]byte{tagNode}, []byte{tagNode + 1}, false)
		for it.next() {
			n++
		}
		if it.err != nil {
			return nil, it.err
		}
		if n >= MaxMembers {
			return refuseLimit("id", "there are %d member records, which is the most there may be", n), nil
		}
	} else if len(old.GetIncarnation()) > 0 && !bytes.Equal(old.GetIncarnation(), b.GetIncarnation()) {
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "incarnation",
			"node id %d belongs to another data directory; join with a new id", b.GetId()), nil
	} else if b.GetBoot() < old.GetBoot() ||
		b.GetBoot() == old.GetBoot() && !bytes.Equal(b.GetBootNonce(), old.GetBootNonce()) {
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "boot",
			"node id %d was started %d times, this is start %d of an older copy of its directory; join with a new id",
			b.GetId(), old.GetBoot(), b.GetBoot()), nil
	}
	// What the cluster wants of the member is not the member's to say.
	b.Role, b.Replaces = old.GetRole(), old.GetReplaces()
	m.membersAt = m.index
	return done(), m.put(keyNode(m.key(), b.GetId()), b)
}

// hashMark records the state hash as of this command.
func (m *machine) hashMark() (*internalv1.Result, error) {
	if err := m.settle(); err != nil {
		return nil, err
	}
	h, err := m.hash()
	if err != nil {
		return nil, err
	}
	m.mark(h)
	return &internalv1.Result{Outcome: &internalv1.Result_Hash{Hash: &internalv1.HashResult{
		Index: m.index, Hash: h.bytes(),
	}}}, nil
}
