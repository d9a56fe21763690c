// Package components_test holds what every component promises: rows of exactly the asked width, whatever is in them.
package components_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"parley/tui/common"
	"parley/tui/components/composer"
	"parley/tui/components/helpview"
	"parley/tui/components/sidebar"
	"parley/tui/components/statusbar"
	"parley/tui/keymap"
	"parley/tui/styles"
)

func context() *common.Common {
	now := time.Date(2026, 11, 24, 14, 3, 12, 0, time.UTC)
	return &common.Common{
		Styles: styles.New(true, colorprofile.TrueColor), Keys: keymap.Default(), Zone: time.UTC,
		Now: func() time.Time { return now },
		Link: common.Link{
			Phase: common.Ready, Node: "n1", Leader: "n2", Address: "127.0.0.1:50051", Since: now.Add(-3 * time.Second),
			Members: []common.Member{{Name: "n1", Voter: true, Reachable: true}, {Name: "n2", Voter: true, Reachable: true},
				{Name: "n3", Voter: true}, {Name: "n4", Reachable: true}},
		},
	}
}

func TestStatusBarFillsItsRow(t *testing.T) {
	c := context()
	words := map[common.Phase]string{
		common.Connecting: "CONNECTING", common.Ready: "READY", common.FailingOver: "FAILOVER", common.Electing: "ELECTION",
		common.NoQuorum: "READ-ONLY", common.Offline: "OFFLINE",
	}
	for phase, word := range words {
		c.Link.Phase, c.Link.Err = phase, "dial tcp 127.0.0.1:50051: connect: connection refused"
		for _, in := range []statusbar.Info{
			{Hint: "F1 help"},
			{Hint: "F1 help", Unread: 12, Waiting: 3, Stale: "as of 14:03:12"},
			{Hint: "F1 help", Flash: "not deleted: the cluster has no quorum (start more nodes, then try again)", Bad: true},
			{Hint: "F1 help", Flash: "世界 👩‍💻 नमस्ते"},
		} {
			for w := 40; w <= 140; w += 5 {
				row := statusbar.View(c, in, w)
				if n := c.Widths.Width(row); n != w {
					t.Errorf("%s, %d columns: the bar has %d: %q", word, w, n, ansi.Strip(row))
				}
				if !strings.HasPrefix(ansi.Strip(row), " "+word+" ") {
					t.Errorf("the bar does not begin with %s: %q", word, ansi.Strip(row))
				}
			}
		}
	}
}

func TestSidebar(t *testing.T) {
	c := context()
	var rows []sidebar.Row
	for i := range 30 {
		rows = append(rows, sidebar.Row{Name: fmt.Sprintf("@a-very-long-user-name-%02d", i), Unread: uint64(i * 60), Current: i == 20})
	}
	for h := 6; h < 32; h++ {
		out := sidebar.View(c, "alice", rows, h, true, "2 ms")
		if len(out) != h {
			t.Fatalf("%d rows, want %d", len(out), h)
		}
		for _, r := range out {
			if n := c.Widths.Width(r); n != sidebar.Width {
				t.Errorf("a row has %d columns, want %d: %q", n, sidebar.Width, ansi.Strip(r))
			}
		}
		text := ansi.Strip(strings.Join(out, "\n"))
		if h >= 12 && (!strings.Contains(text, "more, ") || !strings.Contains(text, "2/3 up, can lose 0")) {
			t.Errorf("%d rows hide what is hidden, or the quorum:\n%s", h, text)
		}
	}
}

func TestComposerGrowsToEightRows(t *testing.T) {
	c := context()
	m := composer.New(c)
	m.SetWidth(40)
	for i := 1; i <= 12; i++ {
		if want := min(i, 8); m.Rows() != want {
			t.Errorf("%d lines are drawn in %d rows, want %d", i, m.Rows(), want)
		}
		m.Update(tea.KeyPressMsg{Code: 'x', Text: "x"})
		m.Update(tea.KeyPressMsg{Code: tea.KeyEnter, Mod: tea.ModAlt})
	}
	m.SetValue("")
	if rows, cursor := m.View(); len(rows) != 1 || cursor == nil || cursor.X != 2 {
		t.Errorf("an empty composer has %d rows, cursor %v", len(rows), cursor)
	}
	m.Insert("a\x1b[31m\r\nb\tc")
	if got := m.Value(); strings.ContainsAny(got, "\x1b\t\r") || !strings.Contains(got, "\nb    c") {
		t.Errorf("a paste became %q", got)
	}
}

func TestHelpScrollsToItsEnd(t *testing.T) {
	c := context()
	m := helpview.New(c, helpview.Section{Title: "Last", Lines: []helpview.Line{{Name: "end", Help: "of the help"}}})
	m.SetSize(60, 10)
	m.Update(tea.KeyPressMsg{Code: 'G', Text: "G"})
	if text := ansi.Strip(strings.Join(m.View(), "\n")); !strings.Contains(text, "of the help") {
		t.Errorf("the last line cannot be reached:\n%s", text)
	}
	if !m.Update(tea.KeyPressMsg{Code: tea.KeyEscape}) {
		t.Error("Esc does not close the help")
	}
}
