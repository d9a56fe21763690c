package store

import (
	"strings"
	"unicode/utf8"
)

// foldName puts a user name into the one form in which names are kept. Only ASCII is allowed in names, so only ASCII is
// folded: tables of the Unicode version that a binary was built with must not decide what the state is.
func foldName(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, name)
		}
	}
	return name
}

// badName says what is wrong with a folded user name; "" when nothing is.
func badName(name string) string {
	if name == "" || len(name) > MaxUsernameBytes {
		return "must have 1 to 32 characters"
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return "may only have the characters a-z, 0-9, '.', '_' and '-'"
		}
	}
	return ""
}

// badText says what is wrong with a message.
func badText(text []byte) string {
	switch {
	case len(text) == 0:
		return "must not be empty"
	case len(text) > MaxMessageBytes:
		return "must have at most 8192 bytes"
	case !utf8.Valid(text):
		return "must be UTF-8"
	case forbiddenIn(text):
		return "must not have control characters or bidirectional overrides"
	}
	return ""
}

// forbiddenIn says whether a text has a forbidden character that is neither a newline nor a tab. Most texts are ASCII for
// the most part, and that needs no decoding.
func forbiddenIn(text []byte) bool {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= 0x20 && c < 0x7f, c == '\n', c == '\t':
			i++
			continue
		case c < utf8.RuneSelf:
			return true
		}
		r, n := utf8.DecodeRune(text[i:])
		if forbidden(r) {
			return true
		}
		i += n
	}
	return false
}

// badReaction says what is wrong with a reaction: an emoji, or a short word.
func badReaction(value string) string {
	switch {
	case value == "" || len(value) > MaxReactionBytes:
		return "must have 1 to 32 bytes"
	case !utf8.ValidString(value):
		return "must be UTF-8"
	case strings.ContainsFunc(value, func(r rune) bool { return blank(r) || forbidden(r) }):
		return "must not have spaces, control characters or bidirectional overrides"
	}
	return ""
}

// blank says whether a character is a space of any width; the list is fixed here, as that of forbidden.
func blank(r rune) bool {
	switch {
	case r == ' ', r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200b, r == 0x202f, r == 0x205f, r == 0x3000, r == 0xfeff:
		return true
	}
	return false
}

// badLabel says what is wrong with a line of text that may be empty.
func badLabel(text string, maxRunes int) string {
	switch {
	case !utf8.ValidString(text):
		return "must be UTF-8"
	case utf8.RuneCountInString(text) > maxRunes:
		return "is too long"
	case strings.ContainsFunc(text, forbidden):
		return "must not have control characters or bidirectional overrides"
	}
	return ""
}

// badTopic says what is wrong with a room's topic, which may be empty.
func badTopic(topic string) string {
	if len(topic) > MaxTopicBytes {
		return "must have at most 512 bytes"
	}
	return badLabel(topic, MaxTopicBytes)
}

// badPHC says what is wrong with a password hash.
func badPHC(phc string) string {
	if len(phc) == 0 || len(phc) > MaxPHCBytes || phc[0] != '$' {
		return "must be a PHC string"
	}
	for i := 0; i < len(phc); i++ {
		if phc[i] <= ' ' || phc[i] >= 0x7f {
			return "must be a PHC string"
		}
	}
	return ""
}

// forbidden says whether a character could take over a terminal or reorder what others wrote: the C0 and C1 controls,
// the line and paragraph separators, the bidirectional embeddings, overrides and isolates. The list is fixed here and
// does not come from Unicode tables, which differ between versions of Go.
func forbidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x2028, r == 0x2029:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}
