// Package sidebar draws the left column: the conversations, and below them the cluster. Its text is plain ASCII but for a few
// signs of one column, so that the border on its right never drifts.
package sidebar

import (
	"fmt"
	"strconv"

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
}

// View draws h rows of exactly Width columns. user is who we are; rtt is the last round trip to our node, for the cluster
// pane.
func View(c *common.Common, user string, rows []Row, h int, cluster bool, rtt string) []string {
	var pane []string
	if cluster {
		pane = clusterPane(c, rtt)
		if len(pane) > h-3 { // three conversations come first
			pane = nil
		}
	}
	out := conversations(c, user, rows, h-len(pane))
	return append(out, pane...)
}

func conversations(c *common.Common, user string, rows []Row, h int) []string {
	ws := c.Widths
	out := make([]string, 0, h)
	out = append(out, c.Styles.Dim.Render(ws.Pad(" Parley · "+user, Width)))
	room := h - 1
	first := 0
	if len(rows) > room {
		room-- // a line says what is hidden
		for i, r := range rows {
			if r.Current && i >= room {
				first = i - room + 1
			}
		}
	}
	last := min(len(rows), first+max(room, 0))
	for i := first; i < last; i++ {
		out = append(out, conversation(c, rows[i], i+1))
	}
	if hidden := len(rows) - (last - first); hidden > 0 && len(out) < h {
		var unread uint64
		for i, r := range rows {
			if i < first || i >= last {
				unread += r.Unread
			}
		}
		text := fmt.Sprintf(" +%d more", hidden)
		if unread > 0 {
			text = fmt.Sprintf(" +%d more, %d unread", hidden, unread)
		}
		out = append(out, c.Styles.Dim.Render(ws.Pad(text, Width)))
	}
	if len(rows) == 0 && len(out) < h {
		out = append(out, c.Styles.Dim.Render(ws.Pad(" ^K finds people", Width)))
	}
	for len(out) < h {
		out = append(out, ws.Pad("", Width))
	}
	return out[:max(h, 0)]
}

func conversation(c *common.Common, r Row, number int) string {
	ws, st := c.Widths, c.Styles
	badge := ""
	switch {
	case r.Unread > 999:
		badge = "999+"
	case r.Unread > 0:
		badge = strconv.FormatUint(r.Unread, 10)
	case r.Waiting > 0:
		badge = "…"
	case r.Draft:
		badge = "draft"
	}
	if badge != "" {
		badge = " " + badge
	}
	key := "  "
	if number < 10 {
		key = strconv.Itoa(number) + " "
	}
	name := ws.Pad(r.Name, Width-3-len(key)-ws.Width(badge)+1)
	text := " " + key + name + badge + " "
	switch {
	case r.Current:
		return st.Current.Render(text)
	case r.Unread > 0:
		return " " + st.Dim.Render(key) + st.Strong.Render(name) + st.Unread.Render(badge) + " "
	}
	return " " + st.Dim.Render(key) + name + st.Dim.Render(badge) + " "
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
		head := ws.Pad(fmt.Sprintf(" %s%s %s", we, star, common.Line(m.Name)), Width-9)
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
