package store

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Conversations returns the caller's conversations, those with the newest message first, and the token of the next
// page; "" at the end. The order is of this moment: a conversation that becomes active between two pages moves to the
// front and is not repeated.
func (v *View) Conversations(s Session, limit int, pageToken string) (
	cs []*parleyv1.Conversation, next string, err error) {
	defer v.guard(&err)()
	limit = clampLimit(limit)
	from := activity{last: ^uint64(0), conv: ^uint64(0)}
	if pageToken != "" {
		if from, err = parseActivity(pageToken); err != nil {
			return nil, "", err
		}
	}
	found, err := v.activeBelow(s.AccountID, from, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].token()
	}
	for _, f := range found {
		c, err := v.openConv(s.AccountID, f.conv, f.member)
		if err != nil {
			return nil, "", err
		}
		last, err := v.lastVisible(c)
		if err != nil {
			return nil, "", err
		}
		conv := &parleyv1.Conversation{
			Name: c.name(), LastSeq: c.GetLastSeq(), ReadSeq: c.member.GetReadSeq(), LastMessage: last,
			Mute: parleyv1.Mute(c.member.GetMute()),
		}
		if conv.Unread, err = c.unread(); err != nil {
			return nil, "", err
		}
		if c.isRoom() {
			conv.Room = roomOf(c.ConversationRecord, c.role.GetMembership())
			if conv.Mentions, err = v.unreadMentions(c); err != nil {
				return nil, "", err
			}
		}
		cs = append(cs, conv)
	}
	return cs, next, nil
}

// activity orders conversations: by their newest message, then by number.
type activity struct {
	last, conv uint64
	member     *internalv1.MemberRecord
}

func (a activity) compare(b activity) int {
	return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.conv, b.conv))
}

func (a activity) token() string {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, a.last), a.conv)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseActivity(token string) (activity, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 16 {
		return activity{}, ErrBadPageToken
	}
	return activity{last: binary.BigEndian.Uint64(b), conv: binary.BigEndian.Uint64(b[8:])}, nil
}

// activeBelow returns the n most active conversations of an account below a place in the order, the most active first.
// It looks at all of them, of which there are MaxConversations at the most: keeping them sorted would cost every send a
// write for each member.
func (v *View) activeBelow(account uint64, from activity, n int) ([]activity, error) {
	var found []activity
	trim := func() {
		slices.SortFunc(found, func(a, b activity) int { return b.compare(a) })
		found = found[:min(len(found), n)]
	}
	err := v.memberships(account, func(conv uint64, m *internalv1.MemberRecord) error {
		r, err := v.conversation(conv)
		if err != nil {
			return err
		}
		a := activity{last: r.GetLastMessage(), conv: conv, member: m}
		if a.compare(from) < 0 {
			found = append(found, a)
		}
		if len(found) >= 4*n {
			trim()
		}
		return nil
	})
	trim()
	return found, err
}

// lastVisible returns the newest message that the viewer has not hidden; nil when the last maxHiddenWalk are hidden, or none is left.
func (v *View) lastVisible(c *convView) (*parleyv1.Message, error) {
	for seq, n := c.GetLastSeq(), 0; seq >= c.firstSeq() && n < maxHiddenWalk; seq, n = seq-1, n+1 {
		hidden, err := v.has(keyHidden(v.key(), c.viewer, c.id, seq))
		if err != nil {
			return nil, err
		}
		if hidden {
			continue
		}
		r, err := v.message(c.id, seq)
		if err != nil {
			return nil, err
		}
		return v.render(c, seq, r)
	}
	return nil, nil
}
