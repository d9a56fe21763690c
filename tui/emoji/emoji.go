// Package emoji knows the short names of emoji: ":tada:" for 🎉. The table is the one that chats share (gemoji and CLDR names,
// from github.com/kyokomi/emoji). It is built on the first use, which costs a few milliseconds; everything after that is a
// look-up. All functions are safe for concurrent use.
package emoji

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	kyokomi "github.com/kyokomi/emoji/v2"
)

// Match is one emoji with one of its names, without the colons.
type Match struct{ Name, Char string }

const (
	// maxName bounds a name: the longest of the table is shorter, and what is longer is no name.
	maxName = 64
	// vs16 asks for the coloured form; people and terminals leave it out at will.
	vs16 = '\uFE0F'
)

// common are the names that people use, most used first. They lead every completion, and of an emoji with several names the one
// listed here is the one that is shown.
var common = strings.Fields(`+1 tada heart joy fire eyes rocket 100 pray clap thinking smile white_check_mark wave laughing -1 cry sob grin wink
	sweat_smile heart_eyes ok_hand muscle raised_hands facepalm shrug party sparkles star warning x question exclamation bug construction
	hourglass coffee beer pizza sunglasses upside_down_face slightly_smiling_face smiley rage scream skull ghost robot see_no_evil point_up
	point_right point_down point_left bulb lock key bell memo link calendar mag wrench hammer package ship boom zap rainbow sunny snowflake
	dog cat snake bear penguin crab octopus bee whale gift trophy medal musical_note checkered_flag rotating_light stop_sign green_heart blue_heart
	purple_heart broken_heart kissing_heart confused neutral_face relieved sleeping zzz`)

type table struct {
	chars   map[string]string // name -> emoji
	names   map[string]string // emoji without VS16 -> the name to show
	sorted  []string          // all names
	longest int               // runes of the longest emoji
}

var load = sync.OnceValue(func() *table {
	t := &table{chars: map[string]string{}, names: map[string]string{}}
	for code, char := range kyokomi.CodeMap() {
		name := strings.Trim(code, ":")
		if !wellFormed(name) {
			continue
		}
		t.chars[name] = char
		t.sorted = append(t.sorted, name)
	}
	for name, char := range map[string]string{"party": "🥳", "facepalm": "🤦", "shrug": "🤷"} {
		if t.chars[name] == "" {
			t.chars[name] = char
			t.sorted = append(t.sorted, name)
		}
	}
	slices.SortFunc(t.sorted, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for _, name := range slices.Concat(common, t.sorted) {
		bare := strings.ReplaceAll(t.chars[name], string(vs16), "")
		if bare != "" && t.names[bare] == "" {
			t.names[bare] = name
			t.longest = max(t.longest, utf8.RuneCountInString(bare))
		}
	}
	return t
})

// wellFormed reports whether s can be a name: a to z, digits, "_", "+" and "-". The table also has names with capitals and
// brackets, which nobody types.
func wellFormed(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '+' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// Lookup is the emoji of a name, with or without colons.
func Lookup(name string) (char string, ok bool) {
	char, ok = load().chars[strings.ToLower(strings.Trim(name, ":"))]
	return char, ok
}

// Name is the short name of exactly one emoji, without colons.
func Name(char string) (name string, ok bool) {
	name, ok = load().names[strings.ReplaceAll(char, string(vs16), "")]
	return name, ok
}

// Common are the emoji that people use most, for a picker, at most n.
func Common(n int) []Match {
	t, out := load(), make([]Match, 0, n)
	for _, name := range common {
		if len(out) == n {
			break
		}
		if char := t.chars[name]; char != "" {
			out = append(out, Match{name, char})
		}
	}
	return out
}

// Complete finds names that begin with prefix, then names that contain it, at most n; the names that people use come first in
// both. An emoji comes once.
func Complete(prefix string, n int) []Match {
	t, prefix := load(), strings.ToLower(strings.TrimPrefix(prefix, ":"))
	var out []Match
	seen := map[string]bool{}
	for _, fits := range []func(name, part string) bool{strings.HasPrefix, strings.Contains} {
		for _, list := range [][]string{common, t.sorted} {
			for _, name := range list {
				char := t.chars[name]
				if char == "" || seen[char] || !fits(name, prefix) {
					continue
				}
				if seen[char] = true; len(out) == n {
					return out
				}
				out = append(out, Match{name, char})
			}
		}
	}
	return out
}

// Expand replaces the names in a text by their emoji, as a message is sent. It leaves alone what is not a name, what stands in
// backquotes, and a colon inside a word or a number (10:30:15).
func Expand(s string) string {
	if strings.Count(s, ":") < 2 {
		return s
	}
	var b strings.Builder
	code, before := false, byte(' ')
	for i := 0; i < len(s); {
		c := s[i]
		if c == '`' {
			code = !code
		}
		if c == ':' && !code && before != ':' && !wordByte(before) {
			if end := strings.IndexByte(s[i+1:min(len(s), i+2+maxName)], ':'); end > 0 {
				name, after := s[i+1:i+1+end], i+2+end
				if char, ok := load().chars[name]; ok && wellFormed(name) && (after == len(s) || !wordByte(s[after])) {
					b.WriteString(char)
					i, before = after, ' ' // another may follow at once
					continue
				}
			}
		}
		b.WriteByte(c)
		before = c
		i++
	}
	return b.String()
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// Text replaces emoji by their names in colons, for terminals that draw them badly. Signs that are text as well, such as © and →,
// stay, unless they ask for the coloured form.
func Text(s string) string {
	i := strings.IndexFunc(s, pictorial)
	if i < 0 {
		return s
	}
	t := load()
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if name, n := t.match(s); n > 0 && (pictorial(r) || strings.ContainsRune(s[:n], vs16)) {
			b.WriteString(":" + name + ":")
			s = s[n:]
			continue
		}
		b.WriteString(s[:size])
		s = s[size:]
	}
	return b.String()
}

// pictorial reports what is drawn as a picture.
func pictorial(r rune) bool {
	return r >= 0x1F000 && r < 0x20000 || r >= 0x2600 && r <= 0x27BF && r != '✓' && r != '✗' || r >= 0x2B1B && r <= 0x2B55 || r == vs16 ||
		r >= 0x231A && r <= 0x23FF
}

// match finds the longest emoji at the beginning of s and how many bytes it has.
func (t *table) match(s string) (name string, n int) {
	var bare strings.Builder
	runes := 0
	for i, r := range s {
		if runes > t.longest {
			break
		}
		if r == vs16 {
			if n == i && n > 0 { // it belongs to what was found
				n = i + utf8.RuneLen(r)
			}
			continue
		}
		if r < 0x80 && i > 0 && !(r >= '0' && r <= '9') {
			break
		}
		runes++
		bare.WriteRune(r)
		if found := t.names[bare.String()]; found != "" {
			name, n = found, i+utf8.RuneLen(r)
		}
	}
	return name, n
}
