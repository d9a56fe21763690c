package chat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/keymap"
	"parley/tui/styles"
)

// quiet is a backend that nobody asks: the benchmarks run no command.
type quiet struct{ common.Backend }

func (quiet) Explain(err error) common.Failure { return common.Failure{Text: err.Error()} }

// message is what conversations are made of: one to four rows, with wide characters, code and links in between.
func message(conv string, i int) *parleyv1.Message {
	text := "on it"
	switch i % 5 {
	case 1:
		text = strings.Repeat("the deploy of the day is stuck again and nobody knows why ", 4)
	case 2:
		text = "look at `n3`: https://status.example.org/nodes/n3?range=1h 世界 👩‍💻"
	case 3:
		text = "two\nrows of *text*"
	}
	m := &parleyv1.Message{
		Id: uint64(i + 1), Seq: uint64(i + 1), Conversation: conv, Sender: []string{"alice", "bob", "carol"}[i/3%3], Text: text,
		Time: timestamppb.New(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 3 * time.Minute)),
	}
	if i%7 == 0 {
		m.Reactions = []*parleyv1.Reaction{{Emoji: "👍", Count: 2}}
	}
	return m
}

// filled is the page with n messages in each of so many conversations, the last one of them open.
func filled(conversations, n int) *Model {
	now := time.Date(2026, 11, 24, 14, 3, 12, 0, time.UTC)
	c := &common.Common{
		Backend: quiet{}, Keys: keymap.Default(), Styles: styles.New(true, colorprofile.TrueColor), Settings: common.DefaultSettings(),
		Zone: time.UTC, Now: func() time.Time { return now }, NewID: func() string { return "id" }, Focused: true, Mouse: true,
		Link: common.Link{Phase: common.Ready, Node: "n1", Leader: "n1", Members: []common.Member{{Name: "n1", Voter: true, Reachable: true}}},
	}
	m := New(context.Background(), c, "alice", "")
	m.listed = true
	for k := range conversations {
		name := fmt.Sprintf("#room-%02d", k)
		v := m.conversation(name)
		v.loaded = true
		for i := range n {
			v.insert(entry("alice", message(name, i)))
			v.note(uint64(i+1), uint64(i+1))
		}
		m.cur = v
	}
	m.SetSize(100, 30)
	m.cur.rebuild()
	return m
}

// frame is what one event costs before the renderer: Update and View.
func frame(m *Model, msg tea.Msg) {
	m.Update(msg)
	_, _ = m.View()
}

// A frame with 10,000 messages of scrollback stays far under the 16 ms of a screen's refresh.
func BenchmarkFrame(b *testing.B) {
	b.Run("scroll", func(b *testing.B) {
		m, up := filled(1, maxLoaded), 0
		for b.Loop() {
			key := tea.KeyPressMsg{Code: tea.KeyPgUp}
			if up++; up%400 >= 200 {
				key.Code = tea.KeyPgDown
			}
			frame(m, key)
		}
	})
	b.Run("wheel", func(b *testing.B) {
		m, up := filled(1, maxLoaded), 0
		for b.Loop() {
			wheel := tea.MouseWheelMsg{X: 50, Y: 10, Button: tea.MouseWheelUp}
			if up++; up%400 >= 200 {
				wheel.Button = tea.MouseWheelDown
			}
			frame(m, wheel)
		}
	})
	for _, at := range []string{"following", "scrolled up"} {
		b.Run("message "+at, func(b *testing.B) {
			m, i := filled(1, maxLoaded), maxLoaded
			if at != "following" {
				m.cur.tl.ScrollBy(-maxLoaded)
			}
			m.feed = &frames{}
			for b.Loop() {
				frame(m, framesMsg{frames: []*parleyv1.SubscribeResponse{{Frame: &parleyv1.SubscribeResponse_Event{
					Event: &parleyv1.Event{Change: &parleyv1.Event_Message{Message: message(m.cur.name, i)}},
				}}}})
				i++
			}
		})
	}
	b.Run("resize", func(b *testing.B) {
		m, w := filled(1, maxLoaded), 0
		m.cur.tl.ScrollBy(-maxLoaded)
		for b.Loop() {
			w++
			m.SetSize(80+w%40, 30)
			_, _ = m.View()
		}
	})
}

// A key costs the same with 100,000 messages in memory as with a hundred.
func BenchmarkKeypress(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("%d messages", 10*n), func(b *testing.B) {
			m, i := filled(10, n), 0
			for b.Loop() {
				if i++; i%40 == 0 {
					m.composer.SetValue("")
				}
				frame(m, tea.KeyPressMsg{Code: 'x', Text: "x"})
			}
		})
	}
}
