package keymap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
)

// maxKeys bounds the keys of one action.
const maxKeys = 16

// A key means one thing in one place. The places: the page, select mode, and forms (dialogs, logging in). The keys of always
// work in each of them, those of alsoSelecting in the page and in select mode.
var (
	selecting = []string{"up", "down", "first", "last", "details", "reply", "thread", "edit", "react", "pin", "open", "unread", "mark", "delete",
		"copy", "retry", "discard"}
	forms         = []string{"next-field", "prev-field", "accept", "switch-form", "yes", "no"}
	always        = []string{"quit", "redraw", "suspend", "reconnect"}
	alsoSelecting = []string{"interrupt", "help", "escape", "select"}
	// editing are the keys of the draft. The page's own come first, so the two may share a key: Home scrolls while the draft is
	// empty.
	editing = []string{"line-start", "line-end", "char-left", "char-right", "word-left", "word-right", "rub-word", "rub-to-start", "rub-to-end",
		"rub-word-right", "yank", "transpose", "undo"}
	// vital actions keep a key: without them a person is stuck.
	vital = []string{"send", "escape", "interrupt", "accept", "yes", "no"}
)

func in(list []string, name string) bool { return slices.Contains(list, name) }

// meet reports whether two actions listen in one place.
func meet(a, b string) bool {
	switch {
	case a == b:
		return false
	case in(always, a) || in(always, b):
		return true
	case in(forms, a) || in(forms, b):
		return in(forms, a) && in(forms, b)
	case in(selecting, a) && in(selecting, b):
		return true
	case in(selecting, a) || in(selecting, b):
		return in(alsoSelecting, a) || in(alsoSelecting, b)
	case in(editing, a) || in(editing, b):
		return in(editing, a) && in(editing, b)
	}
	return true
}

// Holder is the action that has a key where name listens, or "".
func (m *Map) Holder(name, k string) string {
	for _, other := range Names() {
		if meet(name, other) && slices.Contains(m.Action(other).Keys(), k) {
			return other
		}
	}
	return ""
}

// Check says why an action cannot have a key, apart from another's having it: nil when it can.
func Check(name, k string) error {
	if types(k) && !in(selecting, name) && !in(forms, name) {
		return fmt.Errorf("%s is what you write with; %s needs ctrl, alt or a function key", k, name)
	}
	return nil
}

// Set gives an action exactly these keys, in the form of ParseKey, and the help a label for them. It fails when another action
// of the same place has one of them, when one is not fit, or when a vital action would have none.
func (m *Map) Set(name string, keys ...string) error {
	b := m.Action(name)
	if b == nil {
		return fmt.Errorf("no action %q", name)
	}
	if len(keys) == 0 && in(vital, name) {
		return fmt.Errorf("%s must keep a key", name)
	}
	if len(keys) > maxKeys {
		return fmt.Errorf("%s has %d keys; %d are the most", name, len(keys), maxKeys)
	}
	for _, k := range keys {
		if err := Check(name, k); err != nil {
			return err
		}
		if other := m.Holder(name, k); other != "" {
			return fmt.Errorf("%s is the key of %s", k, other)
		}
	}
	m.put(b, name, keys)
	return nil
}

func (m *Map) put(b *key.Binding, name string, keys []string) {
	label, def := Label(keys), Default()
	if was := def.Action(name); slices.Equal(was.Keys(), keys) {
		label = was.Help().Key
	} else if len(keys) == 0 {
		label = "(no key)"
	}
	*b = key.NewBinding(key.WithKeys(keys...), key.WithHelp(label, b.Help().Desc))
}

// Without takes a key from an action and returns those it keeps.
func (m *Map) Without(name, k string) []string {
	return slices.DeleteFunc(slices.Clone(m.Action(name).Keys()), func(x string) bool { return x == k })
}

// Changed are the actions whose keys are not those of Default, with their keys.
func (m *Map) Changed() map[string][]string {
	def, out := Default(), map[string][]string{}
	for _, name := range Names() {
		if keys := m.Action(name).Keys(); !slices.Equal(keys, def.Action(name).Keys()) {
			out[name] = slices.Clone(keys)
		}
	}
	return out
}

// Assignment is one entry of keys.toml: an action and its keys as written, with the line for complaints.
type Assignment struct {
	Line   int
	Action string
	Keys   []string
}

// Apply changes the default keyboard by a file's entries, all at once, so that two actions can change keys with each other. What
// a person wrote wins over a default: the action that had the key loses it, and is told of unless the file speaks of it too. What
// cannot be done is told with its line and left as it was.
func Apply(list []Assignment) (Map, []string) {
	m := Default()
	var problems []string
	complain := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("keys.toml line %d: ", line)+fmt.Sprintf(format, args...))
	}
	written := map[string]bool{}
	var good []Assignment
	for _, a := range list {
		if m.Action(a.Action) == nil {
			complain(a.Line, "there is no action %q%s", a.Action, near(a.Action))
			continue
		}
		if written[a.Action] {
			complain(a.Line, "%s stands there twice; the first counts", a.Action)
			continue
		}
		keys := make([]string, 0, len(a.Keys))
		var bad error
		for _, s := range a.Keys {
			k, err := ParseKey(s)
			if err == nil {
				err = Check(a.Action, k)
			}
			if err != nil {
				bad = err
				break
			}
			keys = append(keys, k)
		}
		switch {
		case bad == nil && len(keys) == 0 && in(vital, a.Action):
			bad = fmt.Errorf("%s must keep a key", a.Action)
		case len(keys) > maxKeys:
			bad = fmt.Errorf("%s has %d keys; %d are the most", a.Action, len(keys), maxKeys)
		}
		if bad != nil {
			complain(a.Line, "%s; %s keeps %s", bad, a.Action, m.Action(a.Action).Help().Key)
			continue
		}
		written[a.Action] = true
		good = append(good, Assignment{a.Line, a.Action, keys})
	}
	for _, a := range good { // make room: no written action is in another's way with its default
		m.put(m.Action(a.Action), a.Action, nil)
	}
	slices.SortStableFunc(good, func(a, b Assignment) int { // what must keep a key takes its own first
		return cmp.Compare(b2i(!in(vital, a.Action)), b2i(!in(vital, b.Action)))
	})
	for _, a := range good {
		var keys []string
		for _, k := range a.Keys {
			other := m.Holder(a.Action, k)
			switch {
			case other == "":
			case written[other]:
				complain(a.Line, "%s is already the key of %s", k, other)
				continue
			case len(m.Without(other, k)) == 0 && in(vital, other):
				complain(a.Line, "%s is the only key of %s, which must keep one", k, other)
				continue
			default:
				left := m.Without(other, k)
				m.put(m.Action(other), other, left)
				if len(left) == 0 {
					complain(a.Line, "%s was the key of %s, which has none now (write %s = [] to say that this is meant)", k, other, other)
				}
			}
			keys = append(keys, k)
		}
		if len(keys) == 0 && len(a.Keys) > 0 { // all refused: its defaults, as far as they are free
			def := Default()
			for _, k := range def.Action(a.Action).Keys() {
				if m.Holder(a.Action, k) == "" {
					keys = append(keys, k)
				}
			}
		}
		m.put(m.Action(a.Action), a.Action, keys)
	}
	return m, problems
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// near suggests the action that was meant.
func near(name string) string {
	if name == "" {
		return ""
	}
	for _, n := range Names() {
		if strings.Contains(n, name) || strings.Contains(name, n) {
			return "; did you mean " + n + "?"
		}
	}
	return ""
}
