package cluster

import (
	"fmt"
	"strings"
	"time"
)

// bars are eight heights; a second without a commit is blank.
var bars = []rune("▁▂▃▄▅▆▇█")

// leastScale keeps a quiet minute flat: what differs by microseconds is no mountain.
const leastScale = 4 * time.Millisecond

// commits is the sparkline of the last minute, and what its highest bar means.
func (m *Model) commits() []string {
	st, ws := m.c.Styles, m.c.Widths
	us := m.status.GetCommitUs()
	if len(us) == 0 {
		return nil
	}
	us = us[max(0, len(us)-max(10, m.w-2)):]
	var worst time.Duration
	n := 0
	for _, u := range us {
		worst = max(worst, time.Duration(u)*time.Microsecond)
		if u > 0 {
			n++
		}
	}
	text := fmt.Sprintf("Commits, slowest of each second, last %d s: ", len(us))
	if n == 0 {
		text += "none"
	} else {
		text += "at most " + millis(worst) + " ms"
	}
	return []string{" " + ws.Truncate(text, m.w-2), " " + st.Accent.Render(sparkline(us)), ""}
}

func sparkline(us []uint32) string {
	scale := leastScale
	for _, u := range us {
		scale = max(scale, time.Duration(u)*time.Microsecond)
	}
	var b strings.Builder
	for _, u := range us {
		if u == 0 {
			b.WriteByte(' ')
			continue
		}
		i := int(time.Duration(u) * time.Microsecond * time.Duration(len(bars)) / (scale + 1))
		b.WriteRune(bars[min(i, len(bars)-1)])
	}
	return b.String()
}

// events are the newest rows of the log that fit, scrolled up by from.
func (m *Model) events(room int) []string {
	st, ws := m.c.Styles, m.c.Widths
	if room < 2 {
		return nil
	}
	out := []string{st.Rule.Render(ws.Rule("events, as this client saw them", m.w))}
	all := m.c.Events.All()
	room--
	if len(all) == 0 {
		return append(out, " "+st.Dim.Render("none yet"))
	}
	m.from = min(m.from, max(0, len(all)-room))
	last := len(all) - m.from
	for _, e := range all[max(0, last-room):last] {
		at := e.Time.In(m.c.Zone).Format("15:04:05")
		out = append(out, " "+st.Dim.Render(at)+" "+ws.Truncate(e.Text, m.w-11))
	}
	return out
}
