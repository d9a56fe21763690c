// Package sidebar draws the left column: the conversations, and below them the cluster. Its text is plain ASCII but for a few
// signs of one column, so that the border on its right never drifts.
package sidebar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/tui/common"
)

const (
	// Width is the column without its border.
	Width = 20
	// maxMembers bounds the cluster pane: clusters have three to seven nodes.
	maxMembers = 7
)

// Row is one conversation.
type Row struct {
	Name    string
	Unread  uint64
	Current bool
	Draft   bool // an unsent draft waits there
	Waiting int  // own messages without a verdict

	Mentions int    // unread messages that mention the reader
	Dot      string // the presence of who is on the other side: ● there, ○ away
	Muted    bool   // drawn dim: it does not call
	Invited  bool   // a room that waits for an answer
	Gone     bool   // a room that one is not in any more
}

// View draws h rows of exactly Width columns. user is who we are; rtt is the last round trip to our node, for the cluster
// pane.
func View(c *common.Common, user string, rows []Row, h int, cluster bool, rtt string) []string {
	pane := fitting(c, h, cluster, rtt)
	return append(conversations(c, user, rows, h-len(pane)), pane...)
}

// fitting is the cluster pane, where there is room for it: three conversations come first.
func fitting(c *common.Common, h int, cluster bool, rtt string) []string {
	if !cluster {
		return nil
	}
	if pane := clusterPane(c, rtt); len(pane) <= h-3 {
		return pane
	}
	return nil
}

func conversations(c *common.Common, user string, rows []Row, h int) []string {
	ws := c.Widths
	out := make([]string, 0, h)
	out = append(out, c.Styles.Dim.Render(ws.Pad(" Parley · "+user, Width)))
	shown := visible(rows, h)
	for _, i := range shown {
		out = append(out, conversation(c, rows[i], i+1))
	}
	if len(shown) < len(rows) && len(out) < h {
		out = append(out, hidden(c, rows, shown))
	}
	if len(rows) == 0 && len(out) < h {
		out = append(out, c.Styles.Dim.Render(ws.Pad(" ^K goes somewhere", Width)))
	}
	for len(out) < h {
		out = append(out, ws.Pad("", Width))
	}
	return out[:max(h, 0)]
}

// visible are the indices of the rows that are drawn in h rows below the title, in their order. When not all fit, the open one and
// those with something unread come first, mentions before the rest: nothing that calls is hidden while something quiet is shown.
func visible(rows []Row, h int) []int {
	room := h - 1
	out := make([]int, 0, len(rows))
	if len(rows) <= room {
		for i := range rows {
			out = append(out, i)
		}
		return out
	}
	room-- // a line says what is hidden
	for _, want := range []func(Row) bool{
		func(r Row) bool { return r.Current },
		func(r Row) bool { return !r.Current && (r.Mentions > 0 || r.Invited) },
		func(r Row) bool { return !r.Current && r.Mentions == 0 && !r.Invited && r.Unread > 0 && !r.Muted },
		func(r Row) bool { return !r.Current && r.Mentions == 0 && !r.Invited && (r.Unread == 0 || r.Muted) },
	} {
		for i, r := range rows {
			if len(out) < room && want(r) {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// hidden is the line below the rows that are shown.
func hidden(c *common.Common, rows []Row, shown []int) string {
	var unread uint64
	mentions := 0
	for i, r := range rows {
		if !slices.Contains(shown, i) && !r.Muted {
			unread += r.Unread
			mentions += r.Mentions
		}
	}
	text, style := fmt.Sprintf(" +%d more", len(rows)-len(shown)), c.Styles.Dim
	if mentions > 0 {
		text, style = fmt.Sprintf("%s, @%d", text, mentions), c.Styles.Unread
	} else if unread > 0 {
		text, style = fmt.Sprintf("%s, %d unread", text, unread), c.Styles.Unread
	}
	return style.Render(c.Widths.Pad(text, Width))
}

// At is the index of the conversation in row y of a View with the same arguments; ok is false where there is none.
func At(c *common.Common, rows []Row, h int, cluster bool, y int) (i int, ok bool) {
	shown := visible(rows, h-len(fitting(c, h, cluster, "")))
	if y < 1 || y > len(shown) {
		return 0, false
	}
	return shown[y-1], true
}

func conversation(c *common.Common, r Row, number int) string {
	ws, st := c.Widths, c.Styles
	badge := ""
	switch {
	case r.Invited:
		badge = "invited"
	case r.Mentions > 0:
		badge = "@" + few(uint64(r.Mentions))
	case r.Unread > 0:
		badge = few(r.Unread)
	case r.Waiting > 0:
		badge = "…"
	case r.Draft:
		badge = "draft"
	case r.Gone:
		badge = "left"
	}
	if badge != "" {
		badge = " " + badge
	}
	key := "  "
	if number < 10 {
		key = strconv.Itoa(number) + " "
	}
	room := Width - 3 - len(key) - ws.Width(badge) + 1
	name, dot := r.Name, ""
	if r.Dot != "" {
		dot = " " + r.Dot
		name = ws.Truncate(name, room-2)
	}
	name = ws.Truncate(name, room)
	gap := strings.Repeat(" ", max(0, room-ws.Width(name)-ws.Width(dot)))
	switch {
	case r.Current:
		return st.Current.Render(" " + key + name + dot + gap + badge + " ")
	case r.Muted || r.Gone:
		return " " + st.Dim.Render(key+name+dot+gap+badge) + " "
	case r.Unread > 0 || r.Invited:
		return " " + st.Dim.Render(key) + st.Strong.Render(name) + presence(c, dot) + gap + st.Unread.Render(badge) + " "
	}
	return " " + st.Dim.Render(key) + name + presence(c, dot) + gap + st.Dim.Render(badge) + " "
}

// presence colours the dot of somebody who is there; one who is away has another sign.
func presence(c *common.Common, dot string) string {
	if dot == " ●" {
		return c.Styles.Good.Render(dot)
	}
	return c.Styles.Dim.Render(dot)
}

// few writes a number in at most four columns.
func few(n uint64) string {
	if n > 999 {
		return "999+"
	}
	return strconv.FormatUint(n, 10)
}

func clusterPane(c *common.Common, rtt string) []string {
	ws, st, link := c.Widths, c.Styles, c.Link
	out := []string{st.Rule.Render(ws.Rule("cluster", Width))}
	if len(link.Members) == 0 {
		return append(out, st.Dim.Render(ws.Pad(" not known yet", Width)))
	}
	for _, m := range link.Members[:min(len(link.Members), maxMembers)] {
		here := m.Name == link.Node && (link.Phase == common.Ready || link.Phase == common.NoQuorum)
		we, star, note := " ", " ", ""
		if here {
			we, note = "▸", rtt
		}
		if m.Name == link.Leader {
			star = "★"
		}
		switch {
		case !m.Reachable && !here:
			note = "down"
		case !m.Voter:
			note = "learner"
		case note == "":
			note = "up"
		}
		name := common.Line(m.Name)
		if name == m.Address && len(name) > addressTail { // its name is not known yet, and the port tells it from the others
			name = "…" + name[len(name)-addressTail:]
		}
		head := ws.Pad(fmt.Sprintf(" %s%s %s", we, star, name), Width-9)
		tail := ws.PadLeft(note, 8) + " "
		switch {
		case note == "down":
			out = append(out, head+st.Bad.Render(tail))
		case here:
			out = append(out, st.Strong.Render(head)+tail)
		default:
			out = append(out, head+st.Dim.Render(tail))
		}
	}
	return append(out, quorum(c))
}

// addressTail is how much of an address the pane has room for: a colon and a port.
const addressTail = 6

// quorum says how many nodes may still die.
func quorum(c *common.Common) string {
	up, voters := c.Link.Up()
	spare := up - (voters/2 + 1)
	text := fmt.Sprintf(" %d/%d up, can lose %d", up, voters, max(spare, 0))
	style := c.Styles.Dim
	switch {
	case c.Link.Phase == common.NoQuorum || c.Link.Phase == common.Offline || spare < 0:
		text, style = fmt.Sprintf(" %d/%d up, no quorum", up, voters), c.Styles.Bad
	case spare == 0:
		style = c.Styles.Warn
	}
	return style.Render(c.Widths.Pad(text, Width))
}
