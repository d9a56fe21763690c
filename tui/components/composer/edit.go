package composer

import (
	"slices"
	"strings"
	"unicode"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// state is a draft at one moment.
type state struct {
	text string
	at   int // runes before the cursor
}

func (m *Model) state() state { return state{m.area.Value(), m.pos()} }

// pos is how many runes stand before the cursor.
func (m *Model) pos() int {
	n, row := 0, m.area.Line()
	for i, line := range strings.Split(m.area.Value(), "\n") {
		if i == row {
			return n + m.area.Column()
		}
		n += len([]rune(line)) + 1
	}
	return n
}

// put replaces the draft and the place of the cursor.
func (m *Model) put(s state) {
	if s.text != m.area.Value() {
		m.area.SetValue(s.text)
	}
	before := []rune(s.text)
	before = before[:min(max(s.at, 0), len(before))]
	row := 0
	col := len(before)
	for i, r := range before {
		if r == '\n' {
			row, col = row+1, len(before)-i-1
		}
	}
	m.area.MoveToBegin()
	for i := 0; m.area.Line() < row && i < maxContentRows; i++ {
		m.area.CursorDown()
	}
	m.area.SetCursorColumn(col)
	m.area, _ = m.area.Update(nil) // scrolls to the cursor
}

// remember keeps a state for undo. What is typed in one go is one step, up to the end of a word.
func (m *Model) remember(was state, typed bool) {
	m.redo = nil
	if typed && m.typing && len(m.undo) > 0 {
		return
	}
	m.typing = typed
	m.undo = append(m.undo, was)
	if len(m.undo) > maxUndo {
		m.undo = slices.Delete(m.undo, 0, len(m.undo)-maxUndo)
	}
}

// Undo takes back the last change of the draft; false when there is none.
func (m *Model) Undo() bool { return m.swap(&m.undo, &m.redo) }

// Redo takes back the last Undo.
func (m *Model) Redo() bool { return m.swap(&m.redo, &m.undo) }

func (m *Model) swap(from, to *[]state) bool {
	if len(*from) == 0 {
		return false
	}
	s := (*from)[len(*from)-1]
	*from = (*from)[:len(*from)-1]
	*to = append(*to, m.state())
	m.put(s)
	m.typing = false
	m.refresh()
	return true
}

// cuts reports the keys whose removed text can be put back with Yank.
func (m *Model) cuts(msg tea.KeyPressMsg) bool {
	k := m.c.Keys
	return key.Matches(msg, k.RubWord, k.RubToStart, k.RubToEnd, k.RubWordRight)
}

// removed is what is in a and not in b, when b is a with one piece taken out.
func removed(a, b string) string {
	x, y := []rune(a), []rune(b)
	i := 0
	for i < len(y) && i < len(x) && x[i] == y[i] {
		i++
	}
	j := 0
	for j < len(y)-i && j < len(x)-i && x[len(x)-1-j] == y[len(y)-1-j] {
		j++
	}
	return string(x[i : len(x)-j])
}

// edit applies a key of the field itself.
func (m *Model) edit(msg tea.KeyPressMsg) tea.Cmd {
	k := m.c.Keys
	was := m.state()
	var cmd tea.Cmd
	switch {
	case key.Matches(msg, k.Undo):
		m.Undo()
		return nil
	case key.Matches(msg, k.Yank):
		m.area.InsertString(m.cut)
		m.area, _ = m.area.Update(nil)
	default:
		if m.spaced && len(msg.Text) == 1 && strings.Contains(",.:;!?)", msg.Text) { // the space was the completion's, not the person's
			r := []rune(was.text)
			m.put(state{string(slices.Delete(slices.Clone(r), was.at-1, was.at)), was.at - 1})
		}
		m.area, cmd = m.area.Update(msg)
	}
	m.spaced = false
	if now := m.area.Value(); now != was.text {
		if m.cuts(msg) {
			m.cut = removed(was.text, now)
		}
		typed := msg.Text != "" && len(now) > len(was.text)
		m.remember(was, typed)
		if typed && strings.TrimSpace(msg.Text) == "" {
			m.typing = false // the next word is a step of its own
		}
	} else {
		m.typing = false
	}
	m.refresh()
	return cmd
}

// OnFirstRow and OnLastRow report where the cursor is, in rows as they are drawn: from there the arrows leave the draft.
func (m *Model) OnFirstRow() bool { return m.area.Line() == 0 && m.area.LineInfo().RowOffset == 0 }

// OnLastRow is the other end.
func (m *Model) OnLastRow() bool {
	return m.area.Line() == m.area.LineCount()-1 && m.area.LineInfo().RowOffset >= m.area.LineInfo().Height-1
}

// Remember adds what was sent or run to the history.
func (m *Model) Remember(line string) {
	m.walk, m.stash = 0, ""
	if strings.TrimFunc(line, unicode.IsSpace) == "" || len(m.past) > 0 && m.past[len(m.past)-1] == line {
		return
	}
	m.past = append(m.past, line)
	if len(m.past) > maxHistory {
		m.past = slices.Delete(m.past, 0, len(m.past)-maxHistory)
	}
}

// History shows the line n steps older (-1) or newer (1) than the one shown; the draft itself is the newest. False at the ends.
func (m *Model) History(n int) bool {
	if m.walk > 0 && m.area.Value() != m.past[len(m.past)-m.walk] { // it was changed: it is the draft now
		m.walk = 0
	}
	to := m.walk - n
	if to < 0 || to > len(m.past) {
		return false
	}
	was := m.state()
	if m.walk == 0 {
		m.stash = was.text
	}
	text := m.stash
	if to > 0 {
		text = m.past[len(m.past)-to]
	}
	m.walk = to
	m.remember(was, false)
	m.put(state{text, len([]rune(text))})
	m.refresh()
	m.popup = popup{at: -1}
	return true
}
