package store

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// peopleCommand is what people say of themselves and of each other, what operators do, or a bot's making and end. Names and
// codes are few, so that each meets the others; most of what stops people is taken back soon.
func (g *gen) peopleCommand(c *internalv1.Command) {
	socket := g.rnd.IntN(2) == 0
	mostlyNot := g.rnd.IntN(5) == 0
	code := token(fmt.Sprintf("code%d", g.rnd.IntN(3)))
	bot := fmt.Sprintf("bot%d", g.rnd.IntN(3))
	switch n := g.rnd.IntN(40); {
	case n < 6:
		p := &internalv1.UpdateProfile{Status: proto.String("away")}
		if g.rnd.IntN(2) == 0 {
			p.DisplayName = proto.String(g.pick([]string{"", "D", "E"}))
		}
		c.Body = &internalv1.Command_UpdateProfile{UpdateProfile: p}
	case n < 12:
		c.Body = &internalv1.Command_SetBlock{SetBlock: &internalv1.SetBlock{Username: g.pick(g.users), Blocked: mostlyNot}}
	case n < 16:
		c.Body = &internalv1.Command_SuspendUser{SuspendUser: &internalv1.SuspendUser{
			Username: g.pick(g.users), Suspended: mostlyNot, FromAdminSocket: socket}}
	case n < 17 && mostlyNot:
		c.Body = &internalv1.Command_RemoveUser{RemoveUser: &internalv1.RemoveUser{
			Username: g.pick(g.users), FromAdminSocket: socket}}
		g.users = append(g.users, fmt.Sprintf("user%d", len(g.users)))
	case n < 21:
		policy := internalv1.Registration(g.rnd.IntN(5))
		if g.rnd.IntN(2) == 0 {
			policy = registrationOpen
		}
		c.Body = &internalv1.Command_UpdateSettings{UpdateSettings: &internalv1.UpdateSettings{
			Registration: policy, FromAdminSocket: socket}}
	case n < 24:
		c.Body = &internalv1.Command_CreateInvite{CreateInvite: &internalv1.CreateInvite{
			CodeSha256: code, Uses: uint32(g.rnd.IntN(3)), Days: 1 + uint32(g.rnd.IntN(2)), FromAdminSocket: socket}}
	case n < 26:
		c.Body = &internalv1.Command_RevokeInvite{RevokeInvite: &internalv1.RevokeInvite{
			Id: inviteID(code), FromAdminSocket: socket}}
	case n < 30:
		u := &internalv1.RegisterUser{
			Username: fmt.Sprintf("guest%d", g.rnd.IntN(8)), PasswordPhc: testPHC, CodeSha256: code, FromAdminSocket: socket}
		if g.rnd.IntN(4) == 0 {
			u.CodeSha256 = nil
		}
		c.Body = &internalv1.Command_RegisterUser{RegisterUser: u}
	case n < 37:
		owner := g.pick(g.tokens[max(0, len(g.tokens)-6):])
		c.Session = token(owner)
		tok := fmt.Sprintf("bot-tok%d", g.rnd.IntN(100_000))
		if g.rnd.IntN(3) == 0 {
			g.tokens = append(g.tokens, tok)
		}
		place := "@" + g.logins[owner]
		if g.rnd.IntN(3) == 0 {
			place = g.room()
		}
		c.Body = &internalv1.Command_CreateBot{CreateBot: &internalv1.CreateBot{
			Username: bot, Conversation: place, TokenSha256: token(tok)}}
	default:
		c.Body = &internalv1.Command_DeleteBot{DeleteBot: &internalv1.DeleteBot{Username: bot}}
	}
	switch c.GetBody().(type) {
	case *internalv1.Command_UpdateProfile, *internalv1.Command_SetBlock, *internalv1.Command_CreateBot,
		*internalv1.Command_DeleteBot:
	default:
		if socket {
			c.Session = nil
		}
	}
}
