package chat

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/screens/search"
)

// maxLocal bounds what a search without a node finds.
const maxLocal = 200

// openSearch finds messages.
func (m *Model) openSearch(query string) tea.Cmd {
	return m.push(search.New(m.ctx, m.c, query, m.searchLoaded))
}

// searchLoaded finds the words of a query in what is loaded here, the newest first. Of the query's parts it knows words, from: and
// in:; days it does not hold back.
func (m *Model) searchLoaded(query string) (out []search.Found) {
	var words, from, in []string
	for _, w := range strings.Fields(strings.ToLower(query)) {
		switch name, value, cut := strings.Cut(w, ":"); {
		case cut && name == "from":
			from = append(from, strings.TrimPrefix(value, "@"))
		case cut && name == "in":
			in = append(in, value)
		case cut && (name == "before" || name == "after"):
		default:
			words = append(words, strings.Trim(w, `"*`))
		}
	}
	for _, v := range m.conversations {
		if len(in) > 0 && !slices.Contains(in, v.name) {
			continue
		}
		for _, e := range v.msgs {
			lower := strings.ToLower(e.Text)
			missing := slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(lower, w) })
			if e.ID == 0 || e.Deleted || missing || len(from) > 0 && !slices.Contains(from, e.Author) {
				continue
			}
			out = append(out, search.Found{Conversation: v.name, Author: e.Author, Text: common.Line(e.Text), ID: e.ID, Time: e.Time})
		}
	}
	slices.SortFunc(out, func(a, b search.Found) int { return cmp.Compare(b.ID, a.ID) })
	return out[:min(len(out), maxLocal)]
}
