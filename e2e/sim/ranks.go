package sim

import (
	"parley/proto/internalv1"
)

// The ranks, as they ascend.
const (
	nobody    = internalv1.Membership_MEMBERSHIP_UNSPECIFIED
	banned    = internalv1.Membership_MEMBERSHIP_BANNED
	invited   = internalv1.Membership_MEMBERSHIP_INVITED
	member    = internalv1.Membership_MEMBERSHIP_MEMBER
	moderator = internalv1.Membership_MEMBERSHIP_MODERATOR
	owner     = internalv1.Membership_MEMBERSHIP_OWNER
)

// membership decides what an account becomes to a room, by itself or by another.
func (g *register) membership(by string, b *internalv1.SetMembership) internalv1.Reason {
	r := g.rooms[b.GetRoom()]
	if r == nil || r.private && r.ranks[by] < invited {
		return internalv1.Reason_REASON_CONVERSATION_NOT_FOUND
	}
	who := b.GetUsername()
	if who == "" || who == by {
		return g.ofSelf(r, by, b.GetMembership(), who == "")
	}
	return g.ofOther(r, by, who, b.GetMembership())
}

// ofSelf: one joins, leaves and steps down, but a room keeps an owner until its last member leaves. To join takes nothing from
// who is in it.
func (g *register) ofSelf(r *room, by string, want internalv1.Membership, join bool) internalv1.Reason {
	have := r.ranks[by]
	switch {
	case want == have, join && want == member && have > member:
		return 0
	case have == banned, want == banned, want == invited, want > have && want > member:
		return internalv1.Reason_REASON_NOT_ALLOWED
	case have < member && want == member && r.members() == 0:
		return internalv1.Reason_REASON_ROOM_ARCHIVED
	case have == owner && r.owners() == 1 && (want != nobody || r.members() > 1):
		return internalv1.Reason_REASON_NOT_ALLOWED
	}
	g.become(r, by, want)
	return 0
}

// ofOther: owners make members more and less, moderators put out, ban and invite, members invite to a public room; all only who
// is of a lower rank than themself.
func (g *register) ofOther(r *room, by, who string, want internalv1.Membership) internalv1.Reason {
	mine, have := r.ranks[by], r.ranks[who]
	if mine < member {
		return internalv1.Reason_REASON_NOT_A_MEMBER
	}
	least := moderator
	if want >= member {
		least = owner
	} else if want == invited && !r.private && have != banned {
		least = member
	}
	switch {
	case mine < least:
		return internalv1.Reason_REASON_NOT_ALLOWED
	case want == have, want == invited && have >= member:
		return 0
	case want >= member && have < member, have >= mine:
		return internalv1.Reason_REASON_NOT_ALLOWED
	}
	g.become(r, who, want)
	return 0
}

// become makes an account what it shall be. Who joins has read what was said before.
func (g *register) become(r *room, who string, want internalv1.Membership) {
	have := r.ranks[who]
	r.ranks[who] = want
	switch {
	case have < member && want >= member:
		r.spans[who] = append(r.spans[who], span{from: g.at})
		r.mark(who, g.index, uint64(len(r.messages)))
	case have >= member && want < member:
		r.spans[who][len(r.spans[who])-1].to = g.at
	}
}

func (r *room) owners() (n int) {
	for _, rank := range r.ranks {
		if rank == owner {
			n++
		}
	}
	return n
}
