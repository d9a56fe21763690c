package store

import (
	"bytes"
	"slices"

	"parley/proto/internalv1"
)

// mentions are whom a message of a room names: everybody, or members by their numbers.
type mentions struct {
	everyone bool
	accounts []uint64
}

// has says whether an account is named.
func (n mentions) has(account uint64) bool { return n.everyone || slices.Contains(n.accounts, account) }

// mentionOfAll is the name that means every member.
const mentionOfAll = "room"

// mentionsIn finds whom a text mentions: @name of a member other than its author, and @room. It looks at the first
// MaxMentions names; what comes after them is plain text.
func (m *machine) mentionsIn(room *hotConversation, author uint64, text []byte) (n mentions, err error) {
	if bytes.IndexByte(text, '@') < 0 {
		return mentions{}, nil
	}
	for _, name := range namesIn(text) {
		if name == mentionOfAll {
			n.everyone = true
			continue
		}
		id, err := m.memberNamed(room, name)
		if err != nil {
			return mentions{}, err
		}
		if id != 0 && id != author && !slices.Contains(n.accounts, id) {
			n.accounts = append(n.accounts, id)
		}
	}
	return n, nil
}

// memberNamed returns the member of a room that a name after an @ means, 0 for none: the whole of it, or what is left when
// the marks at its end are a sentence's and not the name's.
func (m *machine) memberNamed(room *hotConversation, name string) (uint64, error) {
	for name != "" {
		a, err := m.accountByName(name)
		if err != nil {
			return 0, err
		}
		if a != nil && !a.GetDeleted() {
			rank, err := m.rank(room.id, a.id)
			if err != nil {
				return 0, err
			}
			if rank >= rankMember {
				return a.id, nil
			}
		}
		name = shorterName(name)
	}
	return 0, nil
}

// shorterName takes a mark of a sentence off the end of a name; "" when there is none.
func shorterName(name string) string {
	last := len(name) - 1
	if c := name[last]; c != '.' && c != '-' && c != '_' {
		return ""
	}
	return name[:last]
}

// namesIn returns the names after an @ in a text, folded, each once, at most MaxMentions. A name ends where its characters
// end; an @ after a character of a name is part of an address.
func namesIn(text []byte) (names []string) {
	for i := 0; i < len(text) && len(names) < MaxMentions; i++ {
		if text[i] != '@' || i > 0 && (isNameByte(text[i-1]) || text[i-1] == '@') {
			continue
		}
		end := i + 1
		for end < len(text) && isNameByte(text[end]) {
			end++
		}
		if n := end - i - 1; n == 0 || n > MaxUsernameBytes {
			continue
		}
		name := foldName(string(text[i+1 : end]))
		if whole := trimMarks(name); whole == mentionOfAll {
			name = whole
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		i = end - 1
	}
	return names
}

// trimMarks takes the marks of a sentence off the end of a name.
func trimMarks(name string) string {
	for name != "" && (name[len(name)-1] == '.' || name[len(name)-1] == '-' || name[len(name)-1] == '_') {
		name = name[:len(name)-1]
	}
	return name
}

// isNameByte says whether a character can be part of a user name, in either case.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// dropMentions removes a message from under those whom its text mentions, but those who are named again. Some of them may
// have left the room since, so it is by names alone that they are found.
func (m *machine) dropMentions(f *foundMessage, again mentions) error {
	if f.rec.GetMentionsRoom() && !again.everyone {
		m.remove(keyMention(m.key(), 0, f.conv.id, f.seq))
	}
	if f.rec.GetMentions() == 0 {
		return nil
	}
	for _, name := range namesIn([]byte(f.rec.GetText())) {
		for ; name != ""; name = shorterName(name) {
			a, err := m.accountByName(name)
			if err != nil {
				return err
			}
			if a == nil || slices.Contains(again.accounts, a.id) {
				continue
			}
			there, err := m.has(keyMention(m.layers.key(), a.id, f.conv.id, f.seq))
			if err != nil {
				return err
			}
			if there {
				m.remove(keyMention(m.key(), a.id, f.conv.id, f.seq))
			}
		}
	}
	return nil
}

// addMentions indexes a message under those whom it mentions.
func (m *machine) addMentions(room *hotConversation, seq uint64, n mentions) error {
	if n.everyone {
		if err := m.put(keyMention(m.key(), 0, room.id, seq), &internalv1.MarkRecord{}); err != nil {
			return err
		}
	}
	for _, account := range n.accounts {
		if err := m.put(keyMention(m.key(), account, room.id, seq), &internalv1.MarkRecord{}); err != nil {
			return err
		}
	}
	return nil
}
