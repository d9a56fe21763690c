package hook

import (
	"strings"
	"unicode/utf8"
)

// clean makes a text that the service takes: UTF-8 without what could act on a terminal or turn the direction of writing,
// cut to a message's length with an ellipsis. It is empty when nothing is left.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), string(utf8.RuneError))
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && forbidden(r) {
			return -1
		}
		return r
	}, s)
	return cutBytes(strings.TrimSpace(s), MaxTextBytes)
}

// forbidden tells what the service refuses in a message: C0, DEL, C1, the line separators, and what turns the direction.
func forbidden(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r <= 0x9f:
		return true
	case r == 0x2028, r == 0x2029, r == 0x061c, r == 0x200e, r == 0x200f:
		return true
	}
	return 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

const ellipsis = "…"

func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// line makes one line of a text, not too long.
func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= maxLineRunes {
		return s
	}
	return string([]rune(s)[:maxLineRunes-1]) + ellipsis
}

// firstLine is for the message of a commit: its subject.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return line(s)
}

// silent keeps strangers' texts from mentioning members: a word joiner after the @ leaves it as it looks.
func silent(s string) string { return strings.ReplaceAll(s, "@", "@\u2060") }
