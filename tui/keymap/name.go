package keymap

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
)

// Names are the names of all actions, as keys.toml and /bind use them: "next-unread", "page-up".
func Names() []string {
	t := reflect.TypeFor[Map]()
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = kebab(t.Field(i).Name)
	}
	return out
}

// kebab writes a field's name as an action's: NextUnread is next-unread.
func kebab(field string) string {
	var b strings.Builder
	for i, r := range field {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Action is the binding of a name, or nil.
func (m *Map) Action(name string) *key.Binding {
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		if kebab(v.Type().Field(i).Name) == name {
			return v.Field(i).Addr().Interface().(*key.Binding)
		}
	}
	return nil
}

// modifiers in the order in which Bubble Tea writes them, each with the short forms that people write.
var modifiers = []struct {
	name  string
	short []string
}{
	{"ctrl+", []string{"control+", "ctrl-", "control-", "c-", "^"}},
	{"alt+", []string{"alt-", "meta+", "meta-", "m-", "opt+", "option+"}},
	{"shift+", []string{"shift-", "s-"}},
	{"super+", []string{"super-", "cmd+", "command+"}},
}

// keyNames are the keys that are no character.
var keyNames = []string{
	"enter", "tab", "backspace", "esc", "space", "up", "down", "left", "right", "insert", "delete", "pgup", "pgdown", "home", "end",
	"f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20",
}

var keyAliases = map[string]string{
	"return": "enter", "escape": "esc", "pageup": "pgup", "pagedown": "pgdown", "page-up": "pgup", "page-down": "pgdown", "del": "delete",
	"ins": "insert", "bs": "backspace", "↑": "up", "↓": "down", "←": "left", "→": "right", "spc": "space",
}

// same are the keys that a terminal without the kitty protocol sends as another one.
var same = map[string]string{"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+[": "esc", "ctrl+h": "backspace"}

// ParseKey brings a key into the form in which it is compared: "^F", "C-f" and "Ctrl+F" are "ctrl+f", "M-x" is "alt+x". It
// refuses what no key is, and what a terminal does not tell from another key.
func ParseKey(s string) (string, error) {
	rest, mods := strings.TrimSpace(s), [4]bool{}
	for again := true; again; {
		again = false
		for i, m := range modifiers {
			for _, p := range append([]string{m.name}, m.short...) {
				if len(rest) > len(p) && strings.EqualFold(rest[:len(p)], p) && !mods[i] {
					rest, mods[i], again = rest[len(p):], true, true
				}
			}
		}
	}
	base := strings.ToLower(rest)
	if a, ok := keyAliases[base]; ok {
		base = a
	}
	if utf8.RuneCountInString(base) == 1 {
		if r, _ := utf8.DecodeRuneInString(rest); !unicode.IsGraphic(r) || r == ' ' {
			return "", fmt.Errorf("%q is no key", s)
		}
		if base = rest; mods[0] { // a control character has no case
			base = strings.ToLower(rest)
		}
	} else if !slices.Contains(keyNames, base) {
		return "", fmt.Errorf("%q is no key: write ctrl+f, alt+x, f5, pgup or shift+enter", s)
	}
	var b strings.Builder
	for i, m := range modifiers {
		if mods[i] {
			b.WriteString(m.name)
		}
	}
	b.WriteString(base)
	if was, ok := same[b.String()]; ok {
		return "", fmt.Errorf("%s cannot be bound: most terminals send it as %s", b.String(), was)
	}
	return b.String(), nil
}

// types reports whether a key writes a character into the draft.
func types(k string) bool { return k == "space" || utf8.RuneCountInString(k) == 1 }

// Label is how the help names keys: "^F", "alt+PgUp", "F5".
func Label(keys []string) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		mods, base := "", k
		if j := strings.LastIndexByte(k, '+'); j > 0 && j < len(k)-1 {
			mods, base = k[:j+1], k[j+1:]
		}
		switch base {
		case "up", "down", "left", "right":
			base = map[string]string{"up": "↑", "down": "↓", "left": "←", "right": "→"}[base]
		case "pgup", "pgdown":
			base = map[string]string{"pgup": "PgUp", "pgdown": "PgDn"}[base]
		case "space":
		default:
			if mods == "ctrl+" && utf8.RuneCountInString(base) == 1 {
				mods, base = "^", strings.ToUpper(base)
			} else if len(base) > 1 {
				base = strings.ToUpper(base[:1]) + base[1:]
			}
		}
		out[i] = mods + base
	}
	return strings.Join(out, " ")
}
