package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"parley/tui/common"
	"parley/tui/styles"
)

func model(w, h int) *Model {
	m := New(&common.Common{Styles: styles.New(true, colorprofile.TrueColor), Zone: time.UTC})
	m.SetSize(w, h)
	return m
}

func entries(from, to int) (es []*Entry) {
	for i := from; i <= to; i++ {
		es = append(es, &Entry{
			Key: fmt.Sprint("m", i), ID: uint64(i), Seq: uint64(i), Author: []string{"alice", "bob"}[i/3%2],
			Time: time.Unix(int64(i)*200, 0).UTC(), Text: strings.TrimSpace(strings.Repeat("word ", i%40)) + fmt.Sprintf(" <%d>", i),
		})
	}
	return es
}

// first is the entry whose text is the first on screen.
func first(m *Model) string {
	if s := m.Shown(); len(s) > 0 {
		return s[0].Key
	}
	return ""
}

// Any walk of scrolling, new sizes and new entries keeps the window full, its rows within the width, and the anchor in place.
func TestRandomWalk(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := model(70, 20)
		lo, hi := 200, 300
		m.SetEntries(entries(lo, hi))
		for step := range 200 {
			was, following := first(m), m.Following()
			w, h := m.w, m.h
			act := rnd.IntN(5)
			switch act {
			case 0:
				m.ScrollBy(rnd.IntN(61) - 30)
			case 1:
				m.SetSize(20+rnd.IntN(100), 3+rnd.IntN(40))
			case 2:
				hi += rnd.IntN(3)
				m.SetEntries(entries(lo, hi))
			case 3:
				lo = max(1, lo-rnd.IntN(20))
				m.SetEntries(entries(lo, hi))
			case 4:
				m.PageBy(rnd.IntN(3) - 1)
			}
			rows := m.View()
			where := fmt.Sprintf("seed %d step %d act %d, %dx%d -> %dx%d", seed, step, act, w, h, m.w, m.h)
			if len(rows) != m.room() {
				t.Fatalf("%s: %d rows, want %d", where, len(rows), m.room())
			}
			for _, r := range rows {
				if n := m.c.Widths.Width(r); n > m.w {
					t.Fatalf("%s: a row has %d columns of %d: %q", where, n, m.w, ansi.Strip(r))
				}
			}
			if act == 2 && following && !strings.Contains(strings.Join(rows, "\n"), fmt.Sprintf("<%d>", hi)) {
				t.Fatalf("%s: following, but the newest entry is not on screen", where)
			}
			if (act == 2 || act == 3) && !following && !m.Following() && was != "" && first(m) != was {
				t.Fatalf("%s: the reader was moved from %s to %s", where, was, first(m))
			}
		}
	}
}

// What is counted is what is drawn: the position is computed from counts alone.
func TestMeasuredAsDrawn(t *testing.T) {
	m := model(50, 10)
	es := entries(1, 60)
	es[20].Note, es[30].Deleted, es[40].Kind = "failed: "+strings.Repeat("why ", 20), true, Notice
	m.SetUnread(es[25].Key)
	m.Top = "start"
	m.SetEntries(es)
	for i := range es {
		n, k := m.measureBlock(i)
		if pre, body := m.block(i); len(pre) != n || len(body) != k {
			t.Errorf("entry %d is drawn in %d+%d rows, counted as %d+%d", i, len(pre), len(body), n, k)
		}
	}
}

// A list of many thousand entries costs what its window costs.
func BenchmarkView(b *testing.B) {
	for _, n := range []int{100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := model(100, 40)
			m.SetEntries(entries(1, n))
			m.ScrollBy(-200)
			for b.Loop() {
				m.View()
			}
		})
	}
}

func TestSelection(t *testing.T) {
	m := model(60, 6)
	es := entries(1, 30)
	es = slices.Insert(es, 15, &Entry{Key: "n", Kind: Notice, Seq: 15, Time: es[15].Time, Text: "moved"})
	m.SetEntries(es)
	if !m.StartSelect() || m.Selected().Key != "m30" {
		t.Fatalf("the selection begins at %v, want the newest", m.Selected())
	}
	m.ToggleMark()
	for range 20 {
		m.MoveCursor(-1)
	}
	if m.Selected().Key != "m10" {
		t.Errorf("twenty up from m30 is %s, want m10: a notice cannot be selected", m.Selected().Key)
	}
	if !slices.Contains(m.Shown(), m.Selected()) {
		t.Error("the selected entry is not on screen")
	}
	m.ToggleMark()
	if got := m.Marked(); len(got) != 2 || got[0].Key != "m10" || got[1].Key != "m30" {
		t.Errorf("marked: %d entries", len(got))
	}
	m.CursorTo(false)
	m.CursorTo(true)
	if m.Selected().Key != "m30" || !m.Following() {
		t.Errorf("the last is %s, following %v", m.Selected().Key, m.Following())
	}
	m.SetEntries(entries(1, 20)) // the selected one is gone
	if m.Selected() == nil || len(m.Marked()) != 1 {
		t.Error("a selection whose entry vanished must move on")
	}
	m.StopSelect()
	if m.Selected() != nil {
		t.Error("the selection did not end")
	}
}

// Text of unsure width stays within its rows: nothing stands to its right that it could push.
func TestWidthCorpus(t *testing.T) {
	for _, s := range []string{"世界", "🇺🇸", "❤️ ⚠️", "👍🏽", "नमस्ते", "👩‍💻 👨‍👩‍👧 🏳️‍🌈", "🫆", "שלום"} {
		m := model(40, 5)
		m.SetEntries([]*Entry{{Key: "a", Author: "bob", Text: strings.Repeat(s+" ", 12), Time: time.Unix(0, 0)}})
		for _, r := range m.View() {
			if n := m.c.Widths.Width(r); n > 40 {
				t.Errorf("%s: a row has %d columns of 40", s, n)
			}
		}
	}
}
