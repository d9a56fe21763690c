package store

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// gen makes random logs: every command, valid and not, with retries of earlier ones, clock jumps and odd stamps.
type gen struct {
	rnd    *rand.Rand
	nowMS  int64
	index  uint64
	users  []string
	tokens []string
	logins map[string]string // who a token was to be of
	ids    uint64
	past   [][]byte
	used   [][]byte
	maxID  uint64
	// members has it change members too; the fixed log of TestStateHashOfAFixedLog is without.
	members bool
	// chat has it use what cluster version 3 added.
	chat bool
}

func newGen(seed uint64) *gen {
	g := &gen{rnd: rand.New(rand.NewPCG(seed, 7)), nowMS: startMS, index: 1, logins: map[string]string{}}
	for i := range 6 {
		g.users = append(g.users, fmt.Sprintf("user%d", i))
	}
	return g
}

// newMembersGen is newGen with changes of the membership among the commands.
func newMembersGen(seed uint64) *gen {
	g := newGen(seed)
	g.members = true
	return g
}

// newChatGen is newMembersGen with the commands of cluster version 3, to which the log comes early.
func newChatGen(seed uint64) *gen {
	g := newMembersGen(seed)
	g.chat = true
	return g
}

func (g *gen) pick(ss []string) string {
	if len(ss) == 0 {
		return "nobody"
	}
	return ss[g.rnd.IntN(len(ss))]
}

func (g *gen) id() []byte {
	g.ids++
	switch g.rnd.IntN(20) {
	case 2: // used before, for something else
		if len(g.used) > 0 {
			return g.used[len(g.used)-1-g.rnd.IntN(min(8, len(g.used)))]
		}
	case 0: // version 4
		id := uuid7(g.rnd.Int64N(1<<40), g.ids)
		id[6] = 0x40
		return id
	case 1: // older than others, maybe too old
		return uuid7(g.nowMS-g.rnd.Int64N(60*dayMS), g.ids)
	}
	return uuid7(g.nowMS, g.ids)
}

func (g *gen) command() *internalv1.Command {
	c := &internalv1.Command{RequestId: g.id(), Session: token(g.pick(g.tokens[max(0, len(g.tokens)-12):]))}
	generation := uint64(1 + g.rnd.IntN(10)/8)
	switch n := g.rnd.IntN(100); {
	case g.chat && g.ids > 20 && g.ids < 60 && n < 20:
		c = &internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
			RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: MaxClusterVersion}}}
	case g.chat && n >= 22 && n < 30:
		g.roomCommand(c)
	case g.chat && n >= 30 && n < 50:
		g.markCommand(c)
	case g.chat && n >= 15 && n < 22:
		g.peopleCommand(c)
	case n < 4:
		c.Session = nil
		c.Body = &internalv1.Command_CreateUser{CreateUser: &internalv1.CreateUser{
			Username: g.pick(g.users), DisplayName: "D", PasswordPhc: testPHC}}
	case n < 12:
		c.Session = nil
		tok := fmt.Sprintf("tok%d", g.rnd.IntN(100_000))
		g.tokens = append(g.tokens, tok)
		name := g.pick(g.users)
		g.logins[tok] = name
		c.Body = &internalv1.Command_Login{Login: &internalv1.Login{
			Username: name, TokenSha256: token(tok), CredentialGeneration: generation}}
	case n < 13:
		c.Body = &internalv1.Command_Logout{Logout: &internalv1.Logout{}}
	case n < 14:
		c.Body = &internalv1.Command_RevokeSession{RevokeSession: &internalv1.RevokeSession{
			SessionId: sessionID(uint64(1 + g.rnd.IntN(4)))}}
	case n < 15:
		c.Body = &internalv1.Command_ChangePassword{ChangePassword: &internalv1.ChangePassword{
			NewPasswordPhc: testPHC, CredentialGeneration: generation}}
	case n < 60:
		g.maxID++
		c.Body = &internalv1.Command_SendMessage{SendMessage: &internalv1.SendMessage{
			Conversation: g.conversation(), Text: strings.Repeat("x", 1+g.rnd.IntN(60))}}
	case n < 75:
		m := &internalv1.MarkRead{}
		for range 1 + g.rnd.IntN(3) {
			from := uint64(1 + g.rnd.IntN(80))
			m.Ranges = append(m.Ranges, &internalv1.MarkRead_Range{
				Conversation: g.conversation(), FromSeq: from, ToSeq: from + uint64(g.rnd.IntN(20))})
		}
		c.Body = &internalv1.Command_MarkRead{MarkRead: m}
	case n < 85:
		d := &internalv1.DeleteMessages{}
		for range 1 + g.rnd.IntN(3) {
			d.Ids = append(d.Ids, 1+g.rnd.Uint64N(g.maxID/3+1))
		}
		c.Body = &internalv1.Command_DeleteMessages{DeleteMessages: d}
	case n < 86:
		if g.rnd.IntN(4) == 0 {
			c.Body = &internalv1.Command_DeleteUser{DeleteUser: &internalv1.DeleteUser{CredentialGeneration: generation}}
			g.users = append(g.users, fmt.Sprintf("user%d", len(g.users)))
			break
		}
		fallthrough
	case n < 87:
		c.Session = nil
		c.Body = &internalv1.Command_SetOperator{SetOperator: &internalv1.SetOperator{
			Username: g.pick(g.users), Operator: g.rnd.IntN(2) == 0, FromAdminSocket: g.rnd.IntN(2) == 0}}
	case n < 88:
		c.Body = &internalv1.Command_ResetPassword{ResetPassword: &internalv1.ResetPassword{
			Username: g.pick(g.users), NewPasswordPhc: testPHC}}
	case n < 90 && g.members:
		c = g.memberCommand(c.GetRequestId())
	case n < 89:
		c = &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
			Id: uint64(1 + g.rnd.IntN(3)), Name: "n", Incarnation: []byte("0123456789abcdef"), Boot: uint64(1 + g.rnd.IntN(9))}}}
	case n < 90:
		c = &internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
			RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: 1}}}
	case n < 92:
		c = &internalv1.Command{Body: &internalv1.Command_HashMark{HashMark: &internalv1.HashMark{}}}
	case n < 97:
		c = &internalv1.Command{Body: &internalv1.Command_EraseSlice{EraseSlice: &internalv1.EraseSlice{}}}
	case n < 98 && g.chat:
		if c = retainCmd(); g.rnd.IntN(3) == 0 {
			days := uint32(1)
			c = &internalv1.Command{RequestId: g.id(), Body: &internalv1.Command_UpdateSettings{
				UpdateSettings: &internalv1.UpdateSettings{RetainDays: &days, FromAdminSocket: true}}}
		}
	default:
		c = &internalv1.Command{Body: &internalv1.Command_ExpireSlice{ExpireSlice: &internalv1.ExpireSlice{}}}
	}
	return c
}

// markCommand is a reply, an edit, an annotation, a read mark or a mute level. Texts and reactions are few, so that some are
// there already.
func (g *gen) markCommand(c *internalv1.Command) {
	id := 1 + g.rnd.Uint64N(g.maxID/3+1)
	if g.rnd.IntN(4) > 0 { // a recent one: marks meet each other there
		id = max(1, g.maxID/3-g.rnd.Uint64N(min(8, g.maxID/3+1)))
	}
	switch g.rnd.IntN(8) {
	case 0, 1:
		g.maxID++
		c.Body = &internalv1.Command_PostMessage{PostMessage: &internalv1.PostMessage{
			Conversation: g.conversation(), Text: g.text(), ReplyTo: id * g.rnd.Uint64N(2)}}
	case 2, 3:
		c.Body = &internalv1.Command_EditMessage{EditMessage: &internalv1.EditMessage{
			Id: id, Text: g.text()}}
	case 4, 5:
		a := &internalv1.Annotate{Id: id, Kind: kindReaction, Value: g.pick([]string{"👍", "x"}), Present: g.rnd.IntN(3) > 0}
		if g.rnd.IntN(3) == 0 {
			a.Kind, a.Value = kindPin, ""
		}
		c.Body = &internalv1.Command_Annotate{Annotate: a}
	case 6:
		c.Body = &internalv1.Command_SetReadMark{SetReadMark: &internalv1.SetReadMark{
			Conversation: g.conversation(), Seq: g.rnd.Uint64N(60)}}
	case 7:
		c.Body = &internalv1.Command_SetMute{SetMute: &internalv1.SetMute{
			Conversation: g.conversation(), Mute: internalv1.Mute(g.rnd.IntN(4))}}
	}
}

// conversation names one; with rooms, one in three is a room.
func (g *gen) conversation() string {
	if g.chat && g.rnd.IntN(3) == 0 {
		return g.room()
	}
	return "@" + g.pick(g.users)
}

func (g *gen) room() string { return fmt.Sprintf("#room%d", g.rnd.IntN(3)) }

// text is one of a few, of which some mention somebody.
func (g *gen) text() string {
	return []string{"a", "b", "@room c", "@" + g.pick(g.users), "@" + g.pick(g.users) + ". @user1"}[g.rnd.IntN(5)]
}

// roomCommand makes a room, changes it, or says what somebody is to it; or who blocks whom.
func (g *gen) roomCommand(c *internalv1.Command) {
	switch g.rnd.IntN(7) {
	case 2:
		c.Body = &internalv1.Command_SetBlock{SetBlock: &internalv1.SetBlock{
			Username: g.pick(g.users), Blocked: g.rnd.IntN(2) == 0}}
	case 0:
		c.Body = &internalv1.Command_CreateRoom{CreateRoom: &internalv1.CreateRoom{
			Room: g.room(), Topic: "t", Private: g.rnd.IntN(3) == 0}}
	case 1:
		u := &internalv1.UpdateRoom{Room: g.room()}
		switch g.rnd.IntN(4) {
		case 0:
			u.Topic = ptr(g.pick([]string{"t", "u"}))
		case 1:
			u.Private = ptr(g.rnd.IntN(2) == 0)
		case 2:
			u.NewName = ptr(g.room())
		default:
			u.Archived = ptr(g.rnd.IntN(2) == 0)
			if u.FromAdminSocket = g.rnd.IntN(2) == 0; u.FromAdminSocket {
				c.Session = nil
			}
		}
		c.Body = &internalv1.Command_UpdateRoom{UpdateRoom: u}
	default:
		m := &internalv1.SetMembership{Room: g.room(), Membership: internalv1.Membership_MEMBERSHIP_MEMBER}
		if g.rnd.IntN(2) == 0 {
			m.Username, m.Membership = g.pick(g.users), internalv1.Membership(g.rnd.IntN(6))
		} else if g.rnd.IntN(8) == 0 {
			m.Membership = internalv1.Membership_MEMBERSHIP_UNSPECIFIED
		}
		c.Body = &internalv1.Command_SetMembership{SetMembership: m}
	}
}

// memberCommand changes the members, or announces one of them, at the cluster version that allows it.
func (g *gen) memberCommand(request []byte) *internalv1.Command {
	name := func() string { return fmt.Sprintf("n%d", g.rnd.IntN(6)) }
	id := uint64(1 + g.rnd.IntN(8))
	switch g.rnd.IntN(4) {
	case 0:
		return &internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
			RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: g.version()}}}
	case 1:
		return &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
			Id: id, Name: fmt.Sprintf("n%d", id), Incarnation: []byte("0123456789abcdef"), Boot: uint64(1 + g.rnd.IntN(9)),
			MaxClusterVersion: g.version()}}}
	}
	m := &internalv1.ChangeMembers{FromAdminSocket: true}
	switch a := name(); g.rnd.IntN(4) {
	case 0:
		m.Remove = []string{name()}
	case 1:
		m.Promote = []string{name()}
	default:
		m.Add = []*internalv1.ChangeMembers_Add{{Name: a, PeerAddress: a + ":1", Learner: g.rnd.IntN(2) == 0}}
		if !m.Add[0].Learner && g.rnd.IntN(2) == 0 {
			m.Add[0].Replaces = name()
		}
	}
	return &internalv1.Command{RequestId: request, Body: &internalv1.Command_ChangeMembers{ChangeMembers: m}}
}

// version is the cluster version that the log comes to.
func (g *gen) version() uint32 {
	if g.chat {
		return MaxClusterVersion
	}
	return 2
}

func (g *gen) entry() Entry {
	g.index++
	switch g.rnd.IntN(40) {
	case 0:
		g.nowMS += g.rnd.Int64N(5 * dayMS)
	case 1:
		g.nowMS -= g.rnd.Int64N(dayMS)
	default:
		g.nowMS += g.rnd.Int64N(20 * 60 * 1000)
	}
	e := Entry{Index: g.index, Term: 1 + g.index/100, StampMS: g.nowMS}
	if g.rnd.IntN(30) == 0 {
		e.StampMS = 0
		return e
	}
	for range 1 + g.rnd.IntN(4) {
		if len(g.past) > 0 && g.rnd.IntN(6) == 0 {
			e.Commands = append(e.Commands, g.past[g.rnd.IntN(len(g.past))])
			continue
		}
		last := g.command()
		b, err := proto.Marshal(last)
		if err != nil {
			panic(err)
		}
		g.past = append(g.past, b)
		if id := last.GetRequestId(); id != nil {
			g.used = append(g.used, id)
		}
		e.Commands = append(e.Commands, b)
	}
	return e
}

func (g *gen) entries(n int) []Entry {
	es := make([]Entry, n)
	for i := range es {
		es[i] = g.entry()
	}
	return es
}
