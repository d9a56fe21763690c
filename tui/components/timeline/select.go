package timeline

// Selecting reports whether the select mode is on.
func (m *Model) Selecting() bool { return m.selecting }

// StartSelect turns the select mode on, at the newest visible message. It reports false when there is none.
func (m *Model) StartSelect() bool {
	shown := m.Shown()
	for i := len(shown) - 1; i >= 0; i-- {
		if selectable(shown[i]) {
			m.selecting, m.cursor = true, shown[i].Key
			return true
		}
	}
	return false
}

// SelectAt turns the select mode on at the message in a row of the window, and returns its key; "" when there is none. The
// window does not move.
func (m *Model) SelectAt(row int) (key string) {
	if len(m.entries) == 0 || row < 0 || row >= m.room() {
		return ""
	}
	i, l := m.top()
	at := -l
	if m.follow { // fewer entries than rows sit at the bottom
		total := -l
		for j := i; j < len(m.entries) && total < m.h; j++ {
			total += m.rows(j)
		}
		at += max(0, m.h-total)
	}
	for ; i < len(m.entries) && at <= row; i++ {
		pre, body := m.measureBlock(i)
		if row >= at+pre && row < at+pre+body {
			if !selectable(m.entries[i]) {
				return ""
			}
			m.selecting, m.cursor = true, m.entries[i].Key
			return m.cursor
		}
		at += pre + body
	}
	return ""
}

// StopSelect turns it off and forgets the marks.
func (m *Model) StopSelect() {
	m.selecting, m.cursor = false, ""
	clear(m.marked)
}

// Selected is the entry under the cursor, or nil.
func (m *Model) Selected() *Entry {
	if i := m.index(m.cursor); m.selecting && i >= 0 {
		return m.entries[i]
	}
	return nil
}

// ToggleMark marks or unmarks the selected entry.
func (m *Model) ToggleMark() {
	if m.marked[m.cursor] {
		delete(m.marked, m.cursor)
	} else if m.cursor != "" {
		m.marked[m.cursor] = true
	}
}

// Marked are the marked entries, or the selected one when none is.
func (m *Model) Marked() []*Entry {
	var out []*Entry
	for _, e := range m.entries {
		if m.marked[e.Key] {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		if e := m.Selected(); e != nil {
			out = append(out, e)
		}
	}
	return out
}

// MoveCursor moves the selection by n messages; the window follows.
func (m *Model) MoveCursor(n int) {
	i := m.index(m.cursor)
	if i < 0 {
		return
	}
	step := 1
	if n < 0 {
		step = -1
	}
	at := i
	for j := i + step; n != 0 && j >= 0 && j < len(m.entries); j += step {
		if selectable(m.entries[j]) {
			at = j
			n -= step
		}
	}
	m.cursor = m.entries[at].Key
	m.reveal(at)
}

// CursorTo moves the selection to the first or the last message.
func (m *Model) CursorTo(last bool) {
	if last {
		m.MoveCursor(len(m.entries))
	} else {
		m.MoveCursor(-len(m.entries))
	}
}

// reveal scrolls as little as needed for the entry to be seen.
func (m *Model) reveal(at int) {
	i, l := m.top()
	if at < i || at == i && l > 0 {
		m.pin(at, 0)
		m.settle()
		return
	}
	rows := -l
	for j := i; j <= at; j++ {
		rows += m.rows(j)
	}
	if room := m.room(); rows > room {
		m.ScrollBy(min(rows-room, rows-m.rows(at)))
	}
}

// dropLost forgets a cursor and marks whose entries are gone.
func (m *Model) dropLost() {
	if !m.selecting {
		return
	}
	for key := range m.marked {
		if m.index(key) < 0 {
			delete(m.marked, key)
		}
	}
	if m.index(m.cursor) < 0 && !m.StartSelect() {
		m.StopSelect()
	}
}

func selectable(e *Entry) bool { return e.Kind == Message }
