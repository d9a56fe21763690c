package store

import (
	"fmt"
	"strings"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

func (r *rig) createRoomCmd(tok, room string, private bool) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_CreateRoom{
		CreateRoom: &internalv1.CreateRoom{Room: room, Private: private},
	}}
}

func (r *rig) updateRoomCmd(tok, room string, set func(u *internalv1.UpdateRoom)) *internalv1.Command {
	u := &internalv1.UpdateRoom{Room: room}
	set(u)
	c := &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_UpdateRoom{UpdateRoom: u}}
	if tok != "" {
		c.Session = token(tok)
	}
	return c
}

func archive(closed bool) func(u *internalv1.UpdateRoom) {
	return func(u *internalv1.UpdateRoom) { u.Archived = &closed }
}

func rename(name string) func(u *internalv1.UpdateRoom) {
	return func(u *internalv1.UpdateRoom) { u.NewName = &name }
}

func (r *rig) join(tok, room string) {
	r.t.Helper()
	r.ok(r.rankCmd(tok, room, "", rankMember))
}

func (r *rig) leave(tok, room string) {
	r.t.Helper()
	r.ok(r.rankCmd(tok, room, "", rankNone))
}

// chatters is people at the cluster version that has rooms.
func (r *rig) chatters(names ...string) {
	r.t.Helper()
	r.people(names...)
	r.ok(raise(MaxClusterVersion))
}

// roomOf says in a line what a room is to an account; the error when it sees none.
func (r *rig) roomOf(tok, room string) string {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	x, err := v.Room(s, room)
	if err != nil {
		return err.Error()
	}
	return roomLine(x)
}

func roomLine(x *parleyv1.Room) string {
	line := fmt.Sprintf("%s %d %s", x.GetName(), x.GetMembers(), rankWord(x.GetMembership()))
	if x.GetTopic() != "" {
		line += " topic=" + x.GetTopic()
	}
	if x.GetPrivate() {
		line += " private"
	}
	if x.GetArchived() {
		line += " archived"
	}
	return line
}

func rankWord(m parleyv1.Membership) string {
	return strings.ToLower(strings.TrimPrefix(m.String(), "MEMBERSHIP_"))
}

// rooms lists names of rooms.
func (r *rig) rooms(tok, pattern string, mine bool) string {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	var names []string
	for after := ""; ; {
		page, next, err := v.Rooms(s, pattern, after, 2, mine)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, x := range page {
			names = append(names, x.GetName())
		}
		if after = next; next == "" {
			return strings.Join(names, " ")
		}
	}
}

// members lists accounts of a room.
func (r *rig) members(tok, room string, want internalv1.Membership) string {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	var lines []string
	for after := ""; ; {
		page, next, err := v.RoomMembers(s, room, parleyv1.Membership(want), after, 2)
		if err != nil {
			return err.Error()
		}
		for _, x := range page {
			lines = append(lines, x.GetUser().GetUsername()+" "+rankWord(x.GetMembership()))
		}
		if after = next; next == "" {
			return strings.Join(lines, ", ")
		}
	}
}
