package api

import (
	"strings"
	"unicode"
)

// room is "#name".
func (f *form) room(field, v string) string {
	name := foldName(v)
	if len(name) < 2 || name[0] != '#' || !nameOK(name[1:]) {
		f.add(field, "must be #room, a name of 1 to %d characters of a-z, 0-9, '.', '_', '-'", maxUsernameChars)
		return ""
	}
	return name
}

// topic is one line, or nothing.
func (f *form) topic(field, v string) string {
	v = strings.TrimSpace(v)
	if len(v) > maxTopicBytes {
		f.add(field, "must be at most %d bytes, is %d", maxTopicBytes, len(v))
		return ""
	}
	f.printable(field, v, false)
	return v
}

// days is how long messages are kept.
func (f *form) days(field string, v uint32) {
	if v > maxRetainDays {
		f.add(field, "must be 0 to %d", maxRetainDays)
	}
}

func (f *form) messageID(field string, v uint64) {
	if v == 0 {
		f.add(field, "must be a message id; 0 is none")
	}
}

// reaction is an emoji, or any other short word: which characters are emoji changes each year.
func (f *form) reaction(field, v string) {
	switch {
	case v == "" || len(v) > maxReactionBytes:
		f.add(field, "must be an emoji of 1 to %d bytes", maxReactionBytes)
	case strings.ContainsFunc(v, func(r rune) bool { return unicode.IsSpace(r) || r == 0x200B || r == 0xFEFF }):
		f.add(field, "must not have spaces")
	default:
		f.printable(field, v, false)
	}
}
