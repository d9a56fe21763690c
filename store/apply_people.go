package store

import (
	"parley/proto/internalv1"
)

// updateProfile changes what others see of an account. What is not set stays.
func (m *machine) updateProfile(c *internalv1.Command, b *internalv1.UpdateProfile) (*internalv1.Result, error) {
	digest := m.fields("update-profile").
		flag(b.DisplayName != nil).str(b.GetDisplayName()).flag(b.Status != nil).str(b.GetStatus()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if why := badLabel(b.GetDisplayName(), MaxDisplayNameRunes); why != "" {
		return refuseField("display_name", "%s", why), nil
	}
	if why := badLabel(b.GetStatus(), MaxStatusRunes); why != "" {
		return refuseField("status", "%s", why), nil
	}
	if b.DisplayName != nil {
		if by.DisplayName = b.GetDisplayName(); by.GetDisplayName() == "" {
			by.DisplayName = by.GetUsername()
		}
	}
	if b.Status != nil {
		by.Status = b.GetStatus()
	}
	m.touchAccount(by.hotAccount)
	r := userResult(by.hotAccount)
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

func userResult(a *hotAccount) *internalv1.Result {
	return &internalv1.Result{Outcome: &internalv1.Result_User{User: &internalv1.UserResult{
		Username: a.GetUsername(), DisplayName: a.GetDisplayName(), Status: a.GetStatus(), Operator: a.GetOperator(),
		Bot: a.GetOwner() != 0,
	}}}
}

// setBlock makes direct messages and invitations between the caller and another account be refused, or ends that.
func (m *machine) setBlock(c *internalv1.Command, b *internalv1.SetBlock) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("set-block").str(name).flag(b.GetBlocked()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	other, err := m.accountByName(name)
	switch {
	case err != nil:
		return nil, err
	case other == nil:
		return refuseNoUser("username", name), nil
	case other.id == by.id:
		return refuseField("username", "must be another's"), nil
	case other.GetDeleted() && b.GetBlocked():
		return refuseDeletedUser("username", name), nil
	}
	has, err := m.has(keyBlock(m.layers.key(), by.id, other.id))
	if err != nil {
		return nil, err
	}
	switch {
	case has == b.GetBlocked():
	case !has:
		if by.GetBlocks() >= MaxBlocks {
			return refuseLimit("username", "you block %d accounts, which is the most there may be", MaxBlocks), nil
		}
		if err := m.put(keyBlock(m.key(), by.id, other.id), &internalv1.MarkRecord{}); err != nil {
			return nil, err
		}
		by.Blocks++
		m.touchAccount(by.hotAccount)
	default:
		m.remove(keyBlock(m.key(), by.id, other.id))
		by.Blocks--
		m.touchAccount(by.hotAccount)
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// blocks says whether an account blocks another. Most block nobody, and that costs no look-up.
func (m *machine) blocks(a *hotAccount, other uint64) (bool, error) {
	if a.GetBlocks() == 0 || a.id == other {
		return false, nil
	}
	return m.has(keyBlock(m.layers.key(), a.id, other))
}

// blocked says whether one of two accounts blocks the other.
func (m *machine) blocked(a, b uint64) (bool, error) {
	for _, pair := range [][2]uint64{{a, b}, {b, a}} {
		h, err := m.account(pair[0])
		if err != nil {
			return false, err
		}
		if yes, err := m.blocks(h, pair[1]); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}

// refuseBlocked is the refusal of what one account wants to tell another, nil when neither blocks the other.
func (m *machine) refuseBlocked(field string, by, to *hotAccount) (*internalv1.Result, error) {
	mine, err := m.blocks(by, to.id)
	if err != nil {
		return nil, err
	}
	if mine {
		return refuse(internalv1.Reason_REASON_BLOCKED, field, "you block %q; unblock them first", to.GetUsername()), nil
	}
	theirs, err := m.blocks(to, by.id)
	if err != nil || !theirs {
		return nil, err
	}
	return refuse(internalv1.Reason_REASON_BLOCKED, field, "%q takes no messages from you", to.GetUsername()), nil
}
