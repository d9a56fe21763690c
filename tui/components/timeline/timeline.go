package timeline

import "parley/tui/common"

// Model is one conversation's window.
type Model struct {
	c       *common.Common
	entries []*Entry
	w, h    int

	timeW, nickW int // see measure

	// Top is drawn above the first entry: that there is more, or that this is the start.
	Top string

	follow bool
	anchor string // key of the entry at the top of the window, when not following
	seq    uint64 // its seq, to find a neighbour when the entry is gone
	off    int    // row of its body at the top; negative reaches into the separators before it

	unreadKey string // the entry under the "new" line
	unreadAt  int    // its index, -1 when there is none; hints are in index.go
	unreadN   int    // messages of others from there on
	hint      int    // where index found its last key
	broken    wraps  // see wrap

	// Me is the reader's name: a mention of it stands out.
	Me string

	selecting bool
	cursor    string
	marked    map[string]bool
}

// New is an empty timeline that follows the tail.
func New(c *common.Common) *Model {
	return &Model{c: c, follow: true, marked: map[string]bool{}}
}

// SetSize sets the window; the anchor stays. While the list does not follow the tail the last row is the caller's: it says so.
func (m *Model) SetSize(w, h int) {
	if w == m.w && h == m.h {
		return
	}
	m.w, m.h = w, h
	m.measure()
	m.settle()
}

// SetEntries replaces the list. Entries are shared, not copied: the caller may change their fields and call again.
func (m *Model) SetEntries(es []*Entry) {
	m.entries = es
	m.countUnread()
	m.measure()
	m.dropLost()
	m.settle()
}

// Entries are the current ones, oldest first.
func (m *Model) Entries() []*Entry { return m.entries }

// Following reports whether the window sticks to the newest entry.
func (m *Model) Following() bool { return m.follow }

// SetUnread puts the "new" line above the entry with this key; "" removes it.
func (m *Model) SetUnread(key string) {
	if key != m.unreadKey {
		m.unreadKey = key
		m.countUnread()
	}
}

// UnreadKey is the entry below the "new" line.
func (m *Model) UnreadKey() string { return m.unreadKey }

// ScrollBy moves the window by rows, down when n is positive.
func (m *Model) ScrollBy(n int) {
	if len(m.entries) == 0 {
		return
	}
	i, l := m.top()
	for ; n < 0; n++ {
		if l > 0 {
			l--
		} else if i > 0 {
			i--
			l = m.rows(i) - 1
		} else {
			break
		}
	}
	for ; n > 0; n-- {
		if l < m.rows(i)-1 {
			l++
		} else if i < len(m.entries)-1 {
			i, l = i+1, 0
		} else {
			break
		}
	}
	m.pin(i, l)
	m.settle()
}

// NearTop reports whether fewer than n entries stand above the window: the time to load older ones.
func (m *Model) NearTop(n int) bool {
	if len(m.entries) == 0 || m.follow {
		return false
	}
	i, _ := m.top()
	return i < n
}

// PageBy moves by windows less one row, so that the eye keeps its place.
func (m *Model) PageBy(n int) { m.ScrollBy(n * max(1, m.room()-1)) }

// Home shows the oldest loaded entry.
func (m *Model) Home() {
	if len(m.entries) > 0 {
		m.pin(0, 0)
		m.settle()
	}
}

// End shows the newest entry and follows.
func (m *Model) End() { m.follow = true }

// ShowUnread puts the "new" line at the top of the window, or follows when all of it fits. It reports whether there is one.
func (m *Model) ShowUnread() bool {
	i := m.index(m.unreadKey)
	if i < 0 {
		return false
	}
	m.pin(i, 0)
	m.settle()
	return true
}

// Shown are the entries whose text begins inside the window.
func (m *Model) Shown() []*Entry {
	if len(m.entries) == 0 || m.h <= 0 {
		return nil
	}
	var out []*Entry
	i, l := m.top()
	for row := -l; i < len(m.entries) && row < m.room(); i++ {
		pre, body := m.measureBlock(i)
		if at := row + pre; at >= 0 && at < m.room() {
			out = append(out, m.entries[i])
		}
		row += pre + body
	}
	return out
}

// top is the entry and the row of its block at the top of the window.
func (m *Model) top() (i, l int) {
	if !m.follow {
		if i = m.find(); i >= 0 {
			pre, body := m.measureBlock(i)
			return i, min(max(m.off+pre, 0), pre+body-1)
		}
	}
	left := m.h
	for i = len(m.entries) - 1; i >= 0; i-- {
		n := m.rows(i)
		if n >= left {
			return i, n - left
		}
		left -= n
	}
	return 0, 0
}

// pin anchors the window to a row of a block.
func (m *Model) pin(i, l int) {
	pre, _ := m.measureBlock(i)
	m.follow, m.anchor, m.seq, m.off = false, m.entries[i].Key, m.entries[i].Seq, l-pre
}

// settle follows the tail as soon as the window reaches it: a window that is not full has nothing to anchor to.
func (m *Model) settle() {
	if m.follow || m.h <= 0 || m.w <= 0 {
		return
	}
	i, l := m.top()
	rows := -l
	for ; i < len(m.entries); i++ {
		if rows += m.rows(i); rows > m.h {
			return
		}
	}
	m.follow = true
}

// room is the number of rows that show entries.
func (m *Model) room() int {
	if m.follow {
		return m.h
	}
	return min(m.h, max(1, m.h-1))
}

func (m *Model) rows(i int) int {
	pre, body := m.measureBlock(i)
	return pre + body
}
