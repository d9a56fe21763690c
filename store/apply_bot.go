package store

import (
	"strings"

	"parley/proto/internalv1"
)

// beginSend is begin for a message: the only thing that a bot's token may do, in the conversation that it was made for. What
// else there is, by whatever name, it does not learn.
func (m *machine) beginSend(token []byte, digest [digestBytes]byte, target string) (caller, *internalv1.Result, error) {
	by, answer, err := m.beginAny(token, digest)
	if answer != nil || err != nil || by.session.GetOnlyConversation() == 0 {
		return by, answer, err
	}
	conv, err := m.conversationNamed(by.id, target)
	if err != nil {
		return caller{}, nil, err
	}
	if conv != by.session.GetOnlyConversation() {
		return caller{}, refuseScope(), nil
	}
	return by, nil, nil
}

// conversationNamed returns the number of the conversation that an account means by a name, whatever it is to it; 0 when
// there is none.
func (m *machine) conversationNamed(account uint64, target string) (uint64, error) {
	if name, ok := strings.CutPrefix(target, "@"); ok {
		other, err := m.accountByName(name)
		if other == nil || err != nil {
			return 0, err
		}
		conv, err := m.direct(account, other.id)
		if conv == nil || err != nil {
			return 0, err
		}
		return conv.id, nil
	}
	name, ok := strings.CutPrefix(target, "#")
	if !ok {
		return 0, nil
	}
	room, err := m.room(name)
	if room == nil || err != nil {
		return 0, err
	}
	return room.id, nil
}

// ownerActs says whether an account may act as far as its owner goes: a bot does nothing while who made it is suspended, or
// once that account is deleted. An account without an owner may.
func (m *machine) ownerActs(a *hotAccount) (bool, error) {
	if a.GetOwner() == 0 {
		return true, nil
	}
	owner, err := m.account(a.GetOwner())
	if err != nil {
		return false, err
	}
	return !owner.GetDeleted() && !owner.GetSuspended(), nil
}

// createBot makes a bot of the caller's, where there is none of the name, and a token for one conversation. It ends the
// token that the bot had for that conversation: that is how one is replaced.
func (m *machine) createBot(c *internalv1.Command, b *internalv1.CreateBot) (*internalv1.Result, error) {
	name, target := foldName(b.GetUsername()), foldName(b.GetConversation())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("create-bot").str(name).str(b.GetDisplayName()).str(target).bytes(b.GetTokenSha256()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if why := badLabel(b.GetDisplayName(), MaxDisplayNameRunes); why != "" {
		return refuseField("display_name", "%s", why), nil
	}
	if refusal, err := m.refuseToken(b.GetTokenSha256()); refusal != nil || err != nil {
		return refusal, err
	}
	bot, refusal, err := m.botNamed(by.hotAccount, name)
	if refusal != nil || err != nil {
		return refusal, err
	}
	place, refusal, err := m.placeForBot(by.hotAccount, bot, target)
	if refusal != nil || err != nil {
		return refusal, err
	}

	if bot == nil {
		if bot, err = m.newBot(by.hotAccount, name); err != nil {
			return nil, err
		}
	}
	if b.GetDisplayName() != "" {
		bot.DisplayName = b.GetDisplayName()
		m.touchAccount(bot)
	}
	conv, err := place(bot)
	if err != nil {
		return nil, err
	}
	if err := m.replaceToken(bot, conv, b.GetTokenSha256(), target); err != nil {
		return nil, err
	}
	if err := m.audit(by.id, actBot, name, "token for "+target); err != nil {
		return nil, err
	}
	r := userResult(bot)
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

// refuseToken is the refusal of a new session's token, nil for one that nobody used.
func (m *machine) refuseToken(token []byte) (*internalv1.Result, error) {
	if len(token) != tokenBytes {
		return refuseField("token", "must have 32 bytes"), nil
	}
	s, err := m.session(token)
	if err != nil || s == nil {
		return nil, err
	}
	return refuseField("token", "was used before; make a new one"), nil
}

// botNamed finds a bot of an owner's; nil when the name is free for a new one.
func (m *machine) botNamed(owner *hotAccount, name string) (*hotAccount, *internalv1.Result, error) {
	bot, err := m.accountByName(name)
	switch {
	case err != nil:
		return nil, nil, err
	case bot == nil && owner.GetBots() >= MaxBots:
		return nil, refuseLimit("username", "you have %d bots, which is the most there may be", MaxBots), nil
	case bot == nil:
		return nil, nil, nil
	case bot.GetOwner() != owner.id || bot.GetDeleted():
		return nil, refuseTaken(name), nil
	case bot.GetSuspended():
		return nil, refuseSuspended("username", name), nil
	}
	return bot, nil, nil
}

func (m *machine) newBot(owner *hotAccount, name string) (*hotAccount, error) {
	bot, err := m.newAccount(&internalv1.AccountRecord{Username: name, DisplayName: name, Owner: owner.id})
	if err != nil {
		return nil, err
	}
	owner.Bots++
	m.touchAccount(owner)
	return bot, m.insert(keyBot(m.key(), owner.id, bot.id), &internalv1.MarkRecord{})
}

// placeForBot checks where a bot may send, and returns what makes that so: it writes, once all is checked. bot is nil for one
// that is yet to be made.
func (m *machine) placeForBot(owner, bot *hotAccount, target string) (
	place func(bot *hotAccount) (*hotConversation, error), refusal *internalv1.Result, err error) {
	if bot == nil {
		bot = &hotAccount{AccountRecord: new(internalv1.AccountRecord)} // what it will be: in no conversation
	}
	if strings.HasPrefix(target, "#") {
		return m.roomForBot(owner, bot, target)
	}
	if target != "@"+owner.GetUsername() {
		return nil, refuseField("conversation", "must be a room, or @%s", owner.GetUsername()), nil
	}
	for _, a := range []*hotAccount{owner, bot} {
		if a.GetConversations() >= MaxConversations {
			return nil, refuseConversations("conversation", a), nil
		}
	}
	return func(bot *hotAccount) (*hotConversation, error) {
		conv, err := m.direct(owner.id, bot.id)
		if conv != nil || err != nil {
			return conv, err
		}
		return m.createDirect(owner, bot)
	}, nil, nil
}

// roomForBot is placeForBot for a room: one that the owner may invite to, and in which the bot becomes a member.
func (m *machine) roomForBot(owner, bot *hotAccount, target string) (
	place func(bot *hotAccount) (*hotConversation, error), refusal *internalv1.Result, err error) {
	room, rank, refusal, err := m.seenRoom(owner, "conversation", target)
	if refusal != nil || err != nil {
		return nil, refusal, err
	}
	have, err := m.rank(room.id, bot.id)
	if err != nil {
		return nil, nil, err
	}
	least := rankMember
	if room.GetPrivate() || have == rankBanned {
		least = rankModerator
	}
	switch {
	case rank < rankMember:
		return nil, refuseNotMember("conversation", target), nil
	case room.GetArchived():
		return nil, refuseArchived("conversation", target), nil
	case have >= rankMember:
	case rank < least:
		return nil, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "conversation",
			"only a moderator or an owner of %s may bring a bot in", target), nil
	default:
		if refusal, err := m.mayJoin(room, bot); refusal != nil || err != nil {
			return nil, refusal, err
		}
	}
	return func(bot *hotAccount) (*hotConversation, error) {
		if have >= rankMember {
			return room, nil
		}
		return room, m.setRank(room, bot, owner, rankMember)
	}, nil, nil
}

// replaceToken opens the session that a bot's token is. name is what it is called in lists.
func (m *machine) replaceToken(bot *hotAccount, conv *hotConversation, token []byte, name string) error {
	tokens, err := m.sessionsOf(bot)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		s, err := m.session(t)
		if s, err = must(s, err, "session of account", bot.id); err != nil {
			return err
		}
		if s.GetOnlyConversation() == conv.id {
			if err := m.endSession(bot, s, t, nil); err != nil {
				return err
			}
		}
	}
	for bot.GetSessions() >= MaxSessions {
		if err := m.endOldest(bot); err != nil {
			return err
		}
	}
	bot.LastSession++
	bot.Sessions++
	m.touchAccount(bot)
	return m.newSession(token, &internalv1.SessionRecord{
		Account: bot.id, Generation: bot.GetGeneration(), Number: bot.GetLastSession(), Client: "bot in " + name,
		CreatedUnixMs: m.clock(), ExpiresUnixMs: m.clock() + BotTokenLifeMS, OnlyConversation: conv.id,
	})
}

// deleteBot deletes a bot of the caller's as deleteUser would: what it sent is erased.
func (m *machine) deleteBot(c *internalv1.Command, b *internalv1.DeleteBot) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("delete-bot").str(name).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	bot, err := m.accountByName(name)
	switch {
	case err != nil:
		return nil, err
	case bot == nil || bot.GetOwner() != by.id:
		return refuse(internalv1.Reason_REASON_USER_NOT_FOUND, "username", "you have no bot %q", name), nil
	case bot.GetDeleted():
		return refuseDeletedUser("username", name), nil
	}
	if err := m.endAllBut(bot, nil); err != nil {
		return nil, err
	}
	if err := m.deleteAccount(bot); err != nil {
		return nil, err
	}
	if err := m.audit(by.id, actBot, name, "deleted"); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}
