package switcher

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/sahilm/fuzzy"

	"parley/tui/common"
)

// query is what was typed, taken apart.
type query struct {
	text                            string // lower case, without the sign before it
	onlyPeople, onlyRooms, commands bool
}

func parse(s string) query {
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case strings.HasPrefix(s, ">") || strings.HasPrefix(s, "/"):
		return query{text: strings.TrimSpace(s[1:]), commands: true}
	case strings.HasPrefix(s, "@"):
		return query{text: s[1:], onlyPeople: true}
	case strings.HasPrefix(s, "#"):
		return query{text: s[1:], onlyRooms: true}
	}
	return query{text: s}
}

// pattern reports whether the text is one with wildcards.
func (q query) pattern() bool { return strings.ContainsAny(q.text, "*?") }

// glob is the pattern for the cluster: what was typed when it has wildcards, else its letters in their order with anything between.
func (q query) glob() string {
	if q.pattern() || q.text == "" {
		return cmp.Or(q.text, "*")
	}
	var b strings.Builder
	b.WriteByte('*')
	for _, r := range q.text {
		if strings.ContainsRune(`\[]`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		b.WriteByte('*')
	}
	return b.String()
}

// ranked is an item with how well it fits.
type ranked struct {
	Item
	fit   int // 2: its name; 1: its name begins so; 0: its letters are in it
	score int
}

// pick are the items that fit, in their order, with their score.
func (q query) pick(items []Item) (out []ranked) {
	names := make([]string, len(items))
	for i, it := range items {
		names[i] = strings.ToLower(strings.TrimLeft(it.Name, "@#/"))
	}
	switch {
	case q.text == "":
		for _, it := range items {
			out = append(out, ranked{Item: it})
		}
	case q.pattern():
		for i, it := range items {
			if ok, err := path.Match(q.text, names[i]); err == nil && ok {
				out = append(out, ranked{Item: it})
			}
		}
	default:
		for _, f := range fuzzy.FindNoSort(q.text, names) {
			r := ranked{Item: items[f.Index], score: f.Score}
			switch name, _, _ := strings.Cut(names[f.Index], " "); {
			case name == q.text:
				r.fit = 2
			case strings.HasPrefix(name, q.text):
				r.fit = 1
			}
			out = append(out, r)
		}
	}
	return out
}

// refresh finds what matches now: what is spelled so, then what has unread messages, mentions first, then the best fit. Without a
// word the order is that of the conversations, with people and rooms behind them.
func (m *Model) refresh() {
	q := parse(m.in.Value())
	m.shown = nil
	if q.commands {
		for _, r := range sorted(q.pick(m.o.Commands)) {
			m.shown = append(m.shown, r.Item)
		}
		m.at = max(0, min(m.at, len(m.shown)-1))
		return
	}
	mine, known := slices.Clone(m.o.Conversations), map[string]bool{}
	for _, it := range mine {
		known[it.Name] = true
	}
	kind := func(it Item) bool {
		return q.onlyPeople && !strings.HasPrefix(it.Name, "@") || q.onlyRooms && !strings.HasPrefix(it.Name, "#")
	}
	rows := sorted(q.pick(slices.DeleteFunc(mine, kind)))
	others := slices.DeleteFunc(append(slices.Clone(m.rooms), m.people...), func(it Item) bool { return known[it.Name] || kind(it) })
	picked := sorted(q.pick(others))
	if q.text != "" && !q.pattern() { // a stranger of that name comes before an acquaintance of a similar one
		rows = sorted(append(rows, picked...))
	} else {
		rows = append(rows, picked...)
	}
	for _, r := range rows {
		m.shown = append(m.shown, r.Item)
	}
	m.offer(q)
	m.at = max(0, min(m.at, len(m.shown)-1))
}

// offer adds a row that makes the room of this name, when the cluster said that there is none which we can see.
func (m *Model) offer(q query) {
	name := "#" + q.text
	if q.onlyPeople || q.text == "" || m.about != m.in.Value() || strings.Trim(q.text, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" ||
		len(q.text) > 32 || slices.ContainsFunc(m.shown, func(it Item) bool { return it.Name == name }) {
		return
	}
	m.shown = append(m.shown, Item{Name: name, Note: "Enter makes this room", create: true, Do: common.RunMsg{Line: "/create " + name}})
}

func sorted(rows []ranked) []ranked {
	slices.SortStableFunc(rows, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.fit, a.fit), cmp.Compare(min(b.Mentions, 1), min(a.Mentions, 1)),
			cmp.Compare(min(b.Unread, 1), min(a.Unread, 1)), cmp.Compare(b.score, a.score))
	})
	return rows
}
