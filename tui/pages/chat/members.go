package chat

import (
	"slices"

	"parley/proto/parleyv1"
)

// members is who is in a room, as far as it was asked for: the first page, which is all of most rooms.
type members struct {
	names  []string // in name order
	rank   map[string]parleyv1.Membership
	loaded bool
	asking bool
	more   bool // there are more than were asked for
}

// find tells what somebody is to the room. known is false when nothing was told of them.
func (p *members) find(name string) (rank parleyv1.Membership, known bool) {
	rank, known = p.rank[name]
	return rank, known
}

// set notes what somebody is to the room now.
func (p *members) set(name string, rank parleyv1.Membership) {
	if p.rank == nil {
		p.rank = map[string]parleyv1.Membership{}
	}
	i, found := slices.BinarySearch(p.names, name)
	switch in := rank >= parleyv1.Membership_MEMBERSHIP_MEMBER; {
	case in:
		p.rank[name] = rank
		if !found && len(p.names) < maxMembers {
			p.names = slices.Insert(p.names, i, name)
		}
	default:
		delete(p.rank, name)
		if found {
			p.names = slices.Delete(p.names, i, i+1)
		}
	}
}
