package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// The line above the first unread message counts what is below it, stays while the reader reads on, and is gone when the
// conversation was left with everything read.
func TestFeatureUnreadLine(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		deploys(f)
		for i := 1; i <= 40; i++ {
			f.store("@carol", "carol", fmt.Sprintf("message %03d", i), "", epoch)
		}
	})
	x.see("@carol · direct conversation", "─ 40 new ─", "message 001")
	x.keys("pgdown", "pgdown", "end")
	x.see("message 040")
	x.gone(" new ─")
	x.fake.add("@carol", "carol", "message 041", epoch) // read at once: the line does not move
	x.see("message 041")
	x.keys("alt+u")
	x.see("─ 41 new ─", "message 001")
	if rows := strings.Split(x.screen(), "\n"); !strings.Contains(rows[1]+rows[2], "─ 41 new ─") { // a day may stand above it
		t.Errorf("alt+u does not bring the line to the top:\n%s", x.screen())
	}
	x.await("all to be marked", func() bool {
		x.keys("pgdown")
		return x.fake.marked("@carol") == 41
	})
	x.open("@bob")
	x.open("@carol")
	x.keys("alt+u")
	x.see("no unread line here")
}

// A row stands between two days, and none within one.
func TestFeatureDateSeparators(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) {
		for i, at := range []time.Time{
			time.Date(2025, 12, 31, 23, 59, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC),
		} {
			f.store("@bob", "bob", fmt.Sprintf("message %03d", i), fmt.Sprint("r", i), at)
		}
		for _, m := range f.msgs {
			m.Unread = false
		}
	})
	x.see("message 003")
	var got []string
	for row := range strings.Lines(x.screen()) {
		_, row, _ = strings.Cut(row, "│")
		switch {
		case strings.Contains(row, "message "):
			got = append(got, row[strings.Index(row, "message "):len(row)-1])
		case strings.Contains(row, "20"):
			got = append(got, strings.Trim(row, "─ \n"))
		}
	}
	want := []string{"Wed 31 Dec 2025", "message 000", "Thu 1 Jan 2026", "message 001", "message 002", "Tue 24 Nov 2026", "message 003"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the rows are %q, want %q", got, want)
	}
}

// The wheel scrolls, a click opens a conversation or selects a message, a click below leaves, and alt+m gives the mouse back
// to the terminal.
func TestFeatureMouse(t *testing.T) {
	x := start(t, 100, 24, func(f *fake) { deploys(f); long(120)(f) })
	x.see("message 120")
	if x.app.View().MouseMode != tea.MouseModeCellMotion {
		t.Error("the mouse is off at the start")
	}
	at := func(text string) (col, row int) {
		t.Helper()
		for i, r := range strings.Split(x.screen(), "\n") {
			if k := strings.Index(r, text); k >= 0 {
				return len([]rune(r[:k])), i
			}
		}
		t.Fatalf("%q is not on the screen:\n%s", text, x.screen())
		return 0, 0
	}
	x.send(tea.MouseWheelMsg{X: 40, Y: 5, Button: tea.MouseWheelUp})
	x.gone("message 120")
	x.see("End for the newest")
	x.send(tea.MouseWheelMsg{X: 40, Y: 5, Button: tea.MouseWheelDown})
	x.see("message 120")

	col, row := at("message 117")
	place := messageRows(x.screen())
	click := func(col, row int) { x.send(tea.MouseClickMsg{X: col, Y: row, Button: tea.MouseLeft}) }
	click(col, row)
	x.see("▸14:00        message 117", "r reply")
	if got := messageRows(x.screen()); fmt.Sprint(got) != fmt.Sprint(place) {
		t.Errorf("selecting moved the text: %v, then %v", place, got)
	}
	click(col, 23)
	x.see("Message @bob")

	x.advance(time.Second)
	click(col, row)
	x.advance(time.Second)
	click(col, row) // too slow for a double click
	x.see("r reply")
	click(col, row)
	x.see("request id")
	x.keys("esc")
	x.gone("request id")
	x.keys("esc")
	x.see("Message @bob")

	col, row = at("@carol")
	click(col, row)
	x.see("Message @carol", "lunch?")
	click(30, 3) // nothing is there
	x.see("Message @carol")

	x.keys("alt+m")
	x.see("mouse off")
	if x.app.View().MouseMode != tea.MouseModeNone {
		t.Error("alt+m leaves the mouse on")
	}
}
