package store

import (
	"parley/proto/internalv1"
)

// roomForBot is placeForBot for a room: one that the owner may invite to, and in which the bot becomes a member.
func (m *machine) roomForBot(_, _ *hotAccount, target string) (
	place func(bot *hotAccount) (*hotConversation, error), refusal *internalv1.Result, err error) {
	return nil, refuse(internalv1.Reason_REASON_CONVERSATION_NOT_FOUND, "conversation", "there is no room %q", target), nil
}
