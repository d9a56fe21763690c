package timeline

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// spanKind is how a piece of text is drawn.
type spanKind int

const (
	spanBold    spanKind = iota // *so* or **so**
	spanItalic                  // _so_
	spanCode                    // `so`, or between ``` over several lines
	spanLink                    // http, https, mailto
	spanMention                 // @ and the reader's name
	spanTail                    // what the client wrote behind the text
)

// maxURL bounds a link's target; terminals cut longer ones.
const maxURL = 2000

// span is text[from:to] in one style. Spans do not overlap. The signs around bold, italic and code stay: nothing of what was
// written is hidden, and what looks like a sign and is none loses nothing.
type span struct {
	from, to int
	kind     spanKind
	url      string
}

// spans finds what is drawn in another style than the rest.
func (m *Model) spans(e *Entry, text, tail string) []span {
	var out []span
	if !e.Deleted && strings.ContainsAny(text, "*_`:@") {
		me := ""
		if e.Mention {
			me = m.Me
		}
		out = parse(text, me)
	}
	if tail != "" {
		out = append(out, span{from: len(text), to: len(text) + len(tail), kind: spanTail})
	}
	return out
}

// parse reads the marks of a text from left to right. The first mark that closes wins; what does not close is text.
func parse(s, me string) (out []span) {
	before := ' ' // the character in front of i
	for i := 0; i < len(s); {
		n, kind, target := 0, spanBold, ""
		if !wordRune(before) {
			switch c := s[i]; {
			case c == '*' && before != '*':
				n, kind = emphasis(s[i:]), spanBold
			case c == '_':
				n, kind = emphasis(s[i:]), spanItalic
			case c == '@' && me != "":
				n, kind = mention(s[i:], me), spanMention
			case c == 'h' || c == 'm' || c == 'H' || c == 'M':
				kind = spanLink
				n, target = link(s[i:])
			}
		}
		if s[i] == '`' {
			n, kind = code(s[i:]), spanCode
		}
		if n > 0 {
			out = append(out, span{i, i + n, kind, target})
			before, _ = utf8.DecodeLastRuneInString(s[:i+n])
			i += n
			continue
		}
		var size int
		before, size = utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return out
}

// emphasis is the length of *words* at the start of s, 0 when there are none: on one line, no space inside the signs, no
// letter after the second.
func emphasis(s string) int {
	line, _, _ := strings.Cut(s, "\n")
	sign := line[:1]
	if strings.HasPrefix(line, "**") {
		sign = "**"
	}
	for i := len(sign) + 1; i < len(line); i++ {
		if !strings.HasPrefix(line[i:], sign) || line[i-1] == ' ' || line[len(sign)] == ' ' || line[len(sign)] == sign[0] {
			continue
		}
		end := i + len(sign)
		if next, _ := utf8.DecodeRuneInString(line[end:]); end == len(line) || !wordRune(next) && next != rune(sign[0]) {
			return end
		}
	}
	return 0
}

// code is the length of `code` on one line, or of what ``` encloses.
func code(s string) int {
	if strings.HasPrefix(s, "```") {
		if n := strings.Index(s[3:], "```"); n > 0 {
			return n + 6
		}
		return 0
	}
	line, _, _ := strings.Cut(s, "\n")
	if n := strings.IndexByte(line[1:], '`'); n > 0 {
		return n + 2
	}
	return 0
}

// mention is the length of @me or @room: see the store's rule, which also decided that the message mentions the reader.
func mention(s, me string) int {
	for _, name := range []string{me, "room"} {
		if n := 1 + len(name); len(s) >= n && strings.EqualFold(s[1:n], name) {
			if next, _ := utf8.DecodeRuneInString(s[n:]); n == len(s) || !wordRune(next) {
				return n
			}
		}
	}
	return 0
}

// link is the length of an address at the start of s, and its target. Only schemes that a terminal may be asked to open.
func link(s string) (n int, target string) {
	scheme := ""
	for _, p := range []string{"https://", "http://", "mailto:"} {
		if len(s) > len(p) && strings.EqualFold(s[:len(p)], p) {
			scheme = p
		}
	}
	if scheme == "" {
		return 0, ""
	}
	n = strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("<>\"`⟦⟧", r) || !unicode.IsGraphic(r)
	})
	if n < 0 {
		n = len(s)
	}
	s = trimEnd(s[:n])
	if len(s) <= len(scheme) || len(s) > maxURL {
		return 0, ""
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > 0x20 && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	u, err := url.Parse(b.String())
	if err != nil || u.Host == "" && u.Opaque == "" {
		return 0, ""
	}
	return len(s), b.String()
}

// trimEnd takes off what ends the sentence and not the address.
func trimEnd(s string) string {
	for s != "" {
		last := s[len(s)-1]
		open := map[byte]string{')': "(", ']': "[", '}': "{"}[last]
		switch {
		case strings.IndexByte(".,;:!?'*_", last) >= 0:
		case open != "" && strings.Count(s, open) < strings.Count(s, string(last)):
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}

// hyperlink makes a clickable piece of it (OSC 8). The pieces of one link that was wrapped have one id, so that the terminal
// shows them as one.
func hyperlink(target, key, piece string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key + "\x00" + target))
	return ansi.SetHyperlink(target, fmt.Sprintf("id=%08x", h.Sum32())) + piece + ansi.ResetHyperlink()
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
