package keymap

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"charm.land/bubbles/v2/key"
)

// Every key of the chat page is on the help screen, and no two keys of one place do different things.
func TestHelpIsComplete(t *testing.T) {
	m := Default()
	listed := map[string]bool{}
	for _, g := range m.Groups() {
		for _, b := range g.Keys {
			listed[b.Help().Desc] = true
		}
	}
	forms := map[string]bool{"NextField": true, "PrevField": true, "Accept": true, "SwitchForm": true, "Yes": true, "No": true}
	v := reflect.ValueOf(m)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		b := v.Field(i).Interface().(key.Binding)
		if len(b.Keys()) == 0 || b.Help().Key == "" || b.Help().Desc == "" {
			t.Errorf("%s has no key or no help", name)
		}
		if !forms[name] && !listed[b.Help().Desc] {
			t.Errorf("%s is not on the help screen", name)
		}
	}
	for _, name := range Names() {
		for _, k := range m.Action(name).Keys() {
			if other := m.Holder(name, k); other != "" {
				t.Errorf("%s does two things: %s and %s", k, name, other)
			}
			if err := Check(name, k); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestParseKey(t *testing.T) {
	for in, want := range map[string]string{
		"^F": "ctrl+f", "C-f": "ctrl+f", "Ctrl+F": "ctrl+f", "M-x": "alt+x", "alt+X": "alt+X", "shift+enter": "shift+enter", "alt-ctrl-a": "ctrl+alt+a",
		"PageUp": "pgup", "F5": "f5", "+": "+", "g": "g", "G": "G", "^_": "ctrl+_", "ctrl++": "ctrl++", "↑": "up", "-": "-", "alt+-": "alt+-",
	} {
		if got, err := ParseKey(in); got != want || err != nil {
			t.Errorf("ParseKey(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "ctrl+", "f99", "hello", "^I", "ctrl+m", "ctrl+[", "\x1b"} {
		if got, err := ParseKey(in); err == nil {
			t.Errorf("ParseKey(%q) = %q; want an error", in, got)
		}
	}
}

// A file's entries take effect together, and what cannot be is told with its line and changes nothing.
func TestApply(t *testing.T) {
	m, problems := Apply([]Assignment{
		{1, "search", []string{"ctrl+r"}}, {2, "reconnect", []string{"ctrl+f"}}, // they change keys with each other
		{4, "select", []string{"f5", "f7"}},
		{6, "outbox", []string{"alt+a"}}, // takes the only key of next-unread
		{8, "sarch", []string{"f8"}},
		{9, "help", []string{"h"}},
		{10, "cluster", []string{"f7"}},
		{11, "send", nil},
		{12, "quit", []string{"ctrl+c"}},
	})
	for name, want := range map[string][]string{
		"search": {"ctrl+r"}, "reconnect": {"ctrl+f"}, "select": {"f5", "f7"}, "outbox": {"alt+a"}, "next-unread": {}, "help": {"f1"},
		"cluster": {"f3"}, "send": {"enter"}, "interrupt": {"ctrl+c"}, "quit": {"ctrl+q"},
	} {
		if got := m.Action(name).Keys(); !slices.Equal(got, want) {
			t.Errorf("%s has %q; want %q", name, got, want)
		}
	}
	all := strings.Join(problems, "\n")
	for _, want := range []string{
		"line 6: alt+a was the key of next-unread", "line 8: there is no action \"sarch\"", "line 9: h is what you write with",
		"line 10: f7 is already the key of select", "line 11: send must keep a key", "line 12: ctrl+c is the only key of interrupt",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no word of %q in:\n%s", want, all)
		}
	}
	if len(problems) != 6 {
		t.Errorf("%d problems, want 6:\n%s", len(problems), all)
	}
	if got := m.Action("search").Help().Key; got != "^R" {
		t.Errorf("the help calls search %q", got)
	}
	if def := Default(); len(def.Changed()) != 0 {
		t.Errorf("the default differs from itself: %v", def.Changed())
	}
}

func TestSetRefuses(t *testing.T) {
	m := Default()
	for _, c := range []struct {
		name, k, want string
	}{
		{"search", "ctrl+k", "is the key of people"}, {"search", "x", "what you write with"}, {"nothing", "f5", "no action"},
		{"mark", "ctrl+q", "is the key of quit"}, {"mark", "d", "is the key of delete"},
	} {
		if err := m.Set(c.name, c.k); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Set(%s, %s): %v; want %q", c.name, c.k, err, c.want)
		}
	}
	if err := m.Set("escape"); err == nil {
		t.Error("escape was left without a key")
	}
	if err := m.Set("mark", "ctrl+f"); err != nil { // search does not listen in select mode
		t.Error(err)
	}
}
