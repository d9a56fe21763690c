package chat

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/dialog"
	"parley/tui/components/timeline"
)

// linkPattern finds what may be a link; links judges it.
var linkPattern = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)[^\s<>"'` + "`" + `]+`)

// maxLinks bounds the links of one message that are offered: a digit takes one.
const maxLinks = 9

// links are the addresses in a text that may be opened: http, https and mailto, nothing that runs a program.
func links(text string) (out []*url.URL) {
	for _, s := range linkPattern.FindAllString(text, maxLinks) {
		u, err := url.Parse(strings.TrimRight(s, ".,;:!?)]}"))
		if err == nil && (u.Host != "" || u.Scheme == "mailto") {
			out = append(out, u)
		}
	}
	return out
}

// openLink opens a link of a message after showing where it leads.
func (m *Model) openLink(e *timeline.Entry) tea.Cmd {
	found := links(e.Text)
	switch len(found) {
	case 0:
		m.fail("no link in this message")
		return nil
	case 1:
		m.dialog = dialog.New(m.c, "Open this link?", whither(found[0]), "open")
		m.dialog.Confirm = func([]string) (string, tea.Cmd) { return "", m.browse(found[0]) }
		return nil
	}
	lines := make([]string, len(found))
	for i, u := range found {
		lines[i] = fmt.Sprintf("%d  %s", i+1, common.Line(u.String()))
	}
	m.dialog = dialog.New(m.c, "Open which link?", strings.Join(lines, "\n"), "open", dialog.Field{Label: "number", Limit: 1})
	m.dialog.Confirm = func(values []string) (string, tea.Cmd) {
		n := number(values[0])
		if n < 1 || n > uint64(len(found)) {
			return fmt.Sprintf("a number from 1 to %d", len(found)), nil
		}
		m.dialog = nil
		return "", m.browse(found[n-1])
	}
	m.resize()
	return nil
}

// whither says where a link leads, its host first: a link's text can say one thing and lead elsewhere.
func whither(u *url.URL) string {
	if u.Scheme == "mailto" {
		return "A mail: " + common.Line(u.String())
	}
	return "It leads to " + common.Line(u.Host) + "\n" + common.Line(u.String())
}

// browse hands a link to the desktop, and to the clipboard where there is none.
func (m *Model) browse(u *url.URL) tea.Cmd {
	m.cur.tl.StopSelect()
	link, open := u.String(), m.c.OpenURL
	if open == nil {
		m.tell("copied: there is no browser here")
		return tea.SetClipboard(link)
	}
	m.tell("opening " + common.Line(u.Host+u.Opaque))
	return func() tea.Msg {
		if err := open(link); err != nil {
			return common.TellMsg{Text: "cannot open the link: " + common.Line(err.Error()) + " · y copies the message", Bad: true}
		}
		return nil
	}
}
