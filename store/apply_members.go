package store

import (
	"cmp"
	"slices"
	"strings"

	"parley/proto/internalv1"
)

const (
	roleFirst   = internalv1.MemberRole_MEMBER_ROLE_UNSPECIFIED
	roleLearner = internalv1.MemberRole_MEMBER_ROLE_LEARNER
	roleVoter   = internalv1.MemberRole_MEMBER_ROLE_VOTER
	roleRemoved = internalv1.MemberRole_MEMBER_ROLE_REMOVED
)

// roster is the member records while a ChangeMembers works on a copy of them: nothing is written before all of the change
// is known to be right.
type roster struct {
	records []*internalv1.AnnounceMember // by id
	changed map[uint64]bool
	last    uint64
}

// changeMembers decides who shall be a member. Removals come first, so that a machine can be replaced by one of the same
// name; ids are given out in the order of the additions and are never used again.
func (m *machine) changeMembers(c *internalv1.Command, b *internalv1.ChangeMembers) (*internalv1.Result, error) {
	digest := m.membersDigest(b)
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), "", digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if refusal := checkMembersForm(b); refusal != nil {
		return refusal, nil
	}
	r := &roster{changed: map[uint64]bool{}, last: m.globals.GetLastMember()}
	it := m.scan([]byte{tagNode}, []byte{tagNode + 1}, false)
	for it.next() {
		rec, err := decode[internalv1.AnnounceMember](&m.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		r.records = append(r.records, rec)
		r.last = max(r.last, rec.GetId())
	}
	if it.err != nil {
		return nil, it.err
	}
	for _, id := range b.GetConfigured() {
		if id > m.globals.GetLastMember() && r.byID(id) == nil {
			return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "",
				"member %d has not announced itself yet; start it, then try again", id), nil
		}
	}
	added, refusal := r.change(b)
	if refusal != nil {
		return refusal, nil
	}
	if err := m.writeRoster(r); err != nil {
		return nil, err
	}
	if err := m.audit(sc.actor(), actMembers, "", describeMembers(b)); err != nil {
		return nil, err
	}
	res := &internalv1.Result{Outcome: &internalv1.Result_Members{Members: &internalv1.MembersResult{Added: added}}}
	return res, m.record(sc, digest, res)
}

// describeMembers tells the audit log what was asked for.
func describeMembers(b *internalv1.ChangeMembers) string {
	var parts []string
	for _, a := range b.GetAdd() {
		part := "add " + a.GetName()
		if a.GetReplaces() != "" {
			part += " in place of " + a.GetReplaces()
		}
		parts = append(parts, part)
	}
	for _, name := range b.GetPromote() {
		parts = append(parts, "promote "+name)
	}
	for _, name := range b.GetRemove() {
		parts = append(parts, "remove "+name)
	}
	return strings.Join(parts, ", ")
}

// membersDigest leaves out what the edge looked up.
func (m *machine) membersDigest(b *internalv1.ChangeMembers) [digestBytes]byte {
	f := m.fields("change-members").num(uint64(len(b.GetAdd())))
	for _, a := range b.GetAdd() {
		learner := uint64(0)
		if a.GetLearner() {
			learner = 1
		}
		f = f.str(a.GetName()).str(a.GetPeerAddress()).num(learner).str(a.GetReplaces())
	}
	for _, names := range [][]string{b.GetPromote(), b.GetRemove()} {
		f = f.num(uint64(len(names)))
		for _, name := range names {
			f = f.str(name)
		}
	}
	return f.digest()
}

// checkMembersForm judges the command without the state.
func checkMembersForm(b *internalv1.ChangeMembers) *internalv1.Result {
	switch n := len(b.GetAdd()) + len(b.GetPromote()) + len(b.GetRemove()); {
	case n == 0:
		return refuseField("add", "name at least one member to add, promote or remove")
	case n > MaxMemberChanges:
		return refuseField("add", "names %d members, more than %d in one step", n, MaxMemberChanges)
	}
	for _, a := range b.GetAdd() {
		if why := BadMemberName(a.GetName()); why != "" {
			return refuseField("add", "the name %q %s", a.GetName(), why)
		}
		if why := badLabel(a.GetPeerAddress(), maxNodeLabel); why != "" || a.GetPeerAddress() == "" {
			return refuseField("add", "the peer address of %s %s", a.GetName(), cmp.Or(why, "must not be empty"))
		}
		if a.GetLearner() && a.GetReplaces() != "" {
			return refuseField("add", "%s cannot replace %s as a learner: it has to become a voter", a.GetName(), a.GetReplaces())
		}
	}
	return nil
}

// BadMemberName says what is wrong with a new member's name; "" when nothing is. It is also the name of files and of
// certificates.
func BadMemberName(name string) string {
	if name == "" || len(name) > MaxMemberNameBytes {
		return "must have 1 to 32 characters"
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return "may only have letters, digits, '.', '_' and '-'"
		}
	}
	return ""
}

func (r *roster) byID(id uint64) *internalv1.AnnounceMember {
	for _, m := range r.records {
		if m.GetId() == id {
			return m
		}
	}
	return nil
}

// byName finds a member that was not removed.
func (r *roster) byName(name string) *internalv1.AnnounceMember {
	for _, m := range r.records {
		if m.GetName() == name && m.GetRole() != roleRemoved {
			return m
		}
	}
	return nil
}

// change carries the command out on the copy.
func (r *roster) change(b *internalv1.ChangeMembers) (added []uint64, refusal *internalv1.Result) {
	remove := slices.Clone(b.GetRemove())
	replaces := map[string]uint64{}
	for _, a := range b.GetAdd() {
		if a.GetReplaces() != "" {
			remove = append(remove, a.GetReplaces())
		}
	}
	for _, name := range remove {
		rec := r.byName(name)
		if rec == nil {
			return nil, refuseNoMember("remove", name)
		}
		rec.Role = roleRemoved
		r.changed[rec.GetId()] = true
		replaces[name] = rec.GetId()
	}
	for _, name := range b.GetPromote() {
		rec := r.byName(name)
		if rec == nil {
			return nil, refuseNoMember("promote", name)
		}
		if rec.GetRole() == roleLearner {
			rec.Role = roleVoter
			r.changed[rec.GetId()] = true
		}
	}
	for _, a := range b.GetAdd() {
		if r.byName(a.GetName()) != nil {
			return nil, refuseField("add", "there is a member %s already; choose another name, or --replace it", a.GetName())
		}
		if old := r.byAddress(a.GetPeerAddress()); old != nil {
			return nil, refuseField("add", "the peer address %s belongs to member %s", a.GetPeerAddress(), old.GetName())
		}
		role := roleVoter
		if a.GetLearner() {
			role = roleLearner
		}
		r.last++
		r.records = append(r.records, &internalv1.AnnounceMember{
			Id: r.last, Name: a.GetName(), PeerAddress: a.GetPeerAddress(), Role: role, Replaces: replaces[a.GetReplaces()],
		})
		r.changed[r.last] = true
		added = append(added, r.last)
	}
	return added, r.check()
}

func (r *roster) byAddress(addr string) *internalv1.AnnounceMember {
	for _, m := range r.records {
		if m.GetPeerAddress() == addr && m.GetRole() != roleRemoved {
			return m
		}
	}
	return nil
}

// check judges what the change leaves.
func (r *roster) check() *internalv1.Result {
	members, voters := 0, 0
	for _, m := range r.records {
		switch m.GetRole() {
		case roleRemoved:
			continue
		case roleFirst, roleVoter:
			voters++
		}
		members++
	}
	switch {
	case voters == 0:
		return refuseField("remove", "no voter would remain")
	case voters > MaxVoters:
		return refuseLimit("add", "there would be %d voters, more than %d; add a learner, or remove a voter first", voters, MaxVoters)
	case members > MaxLiveMembers:
		return refuseLimit("add", "there would be %d members, more than %d", members, MaxLiveMembers)
	}
	return nil
}

// writeRoster writes what changed and forgets the oldest tombstones: an id that was given out and has no record is known
// to be removed all the same.
func (m *machine) writeRoster(r *roster) error {
	tombs := 0
	for _, rec := range slices.Backward(r.records) {
		if rec.GetRole() == roleRemoved {
			if tombs++; tombs > MaxTombstones {
				m.remove(keyNode(m.key(), rec.GetId()))
				continue
			}
		}
		if r.changed[rec.GetId()] {
			if err := m.put(keyNode(m.key(), rec.GetId()), rec); err != nil {
				return err
			}
		}
	}
	m.globals.LastMember, m.membersAt = r.last, m.index
	m.touchGlobals()
	return nil
}

func refuseNoMember(field, name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_MEMBER_NOT_FOUND, field, "no member is called %q", name)
}

// admitAnnouncement holds an announcement against the membership once that has been changed; nil when it may be recorded.
// Before the first change any id may announce itself: the first members have no other way into the records.
func (m *machine) admitAnnouncement(b, old *internalv1.AnnounceMember) *internalv1.Result {
	if m.globals.GetLastMember() == 0 {
		return nil
	}
	switch {
	case old == nil, old.GetRole() == roleRemoved:
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "id", "node id %d is not a member: it was removed, or never added",
			b.GetId())
	case old.GetName() != b.GetName():
		return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "name", "node id %d is called %s, not %s", b.GetId(), old.GetName(),
			b.GetName())
	}
	return nil
}
