package store

import (
	"sort"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Blocks returns the accounts that the caller blocks, in name order: at most MaxBlocks. Deleted ones are left out.
func (v *View) Blocks(s Session) (users []*parleyv1.User, err error) {
	defer v.guard(&err)()
	lo := appendU64s(nil, tagBlock, s.AccountID)
	it := v.scan(lo, prefixEnd(lo), false)
	for it.next() {
		a, err := v.person(u64At(it.key, 1))
		if err != nil {
			return nil, err
		}
		if !a.GetDeleted() {
			users = append(users, userOf(a))
		}
	}
	if it.err != nil {
		return nil, it.err
	}
	sort.Slice(users, func(i, j int) bool { return users[i].GetUsername() < users[j].GetUsername() })
	return users, nil
}

func (v *View) globals() (*internalv1.GlobalsRecord, error) {
	return load[internalv1.GlobalsRecord](&v.layers, keyGlobals(v.key()))
}

// Settings returns the cluster's settings.
func (v *View) Settings() (s *parleyv1.Settings, err error) {
	defer v.guard(&err)()
	g, err := v.globals()
	if err != nil {
		return nil, err
	}
	return &parleyv1.Settings{
		Registration: parleyv1.Registration(registrationOf(g)), RetainDays: g.GetRetainDays(),
	}, nil
}

// Invites returns the invites that admit, those that end first at the beginning: at most MaxInvites.
func (v *View) Invites() (out []*parleyv1.Invite, err error) {
	defer v.guard(&err)()
	it := v.scan([]byte{tagInvite}, []byte{tagInvite + 1}, false)
	for it.next() {
		r, err := decode[internalv1.InviteRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		if !inForce(r, v.p.clockMS) {
			continue
		}
		by, err := v.actor(r.GetCreatedBy())
		if err != nil {
			return nil, err
		}
		out = append(out, &parleyv1.Invite{
			Id: inviteID(it.key[1:]), CreatedBy: by, Expires: timestamp(r.GetExpiresUnixMs()), UsesLeft: r.GetUsesLeft(),
		})
	}
	if it.err != nil {
		return nil, it.err
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].GetExpires().AsTime().Before(out[j].GetExpires().AsTime()) })
	return out, nil
}

// actor names who did something: nobody for the admin socket.
func (v *View) actor(account uint64) (string, error) {
	if account == 0 {
		return "", nil
	}
	a, err := v.person(account)
	return a.GetUsername(), err
}

// Audit returns the entries of the audit log below a number, all for 0, the newest first.
func (v *View) Audit(below uint64, limit int) (out []*parleyv1.AuditEntry, err error) {
	defer v.guard(&err)()
	hi := []byte{tagAudit + 1}
	if below > 0 {
		hi = keyAudit(nil, below)
	}
	it := v.scan([]byte{tagAudit}, hi, true)
	for limit = clampLimit(limit); len(out) < limit && it.next(); {
		r, err := decode[internalv1.AuditRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		by, err := v.actor(r.GetActor())
		if err != nil {
			return nil, err
		}
		out = append(out, &parleyv1.AuditEntry{
			Number: u64At(it.key, 0), Time: timestamp(r.GetTimeUnixMs()), Actor: by, Act: r.GetAct(), Target: r.GetTarget(),
			Detail: r.GetDetail(),
		})
	}
	return out, it.err
}
