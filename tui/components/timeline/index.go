package timeline

// find is the anchor's index; when it is gone, that of the next later message.
func (m *Model) find() int {
	if i := m.index(m.anchor); i >= 0 {
		return i
	}
	for i, e := range m.entries {
		if e.Seq > 0 && e.Seq >= m.seq {
			return i
		}
	}
	return -1
}

// index finds a key. It is asked for the same few keys all the time, and new entries come in front and at the end: it looks
// outwards from where it found the last one.
func (m *Model) index(key string) int {
	if key == "" || len(m.entries) == 0 {
		return -1
	}
	at := min(m.hint, len(m.entries)-1)
	for d := 0; d <= max(at, len(m.entries)-1-at); d++ {
		for _, i := range [2]int{at - d, at + d} {
			if i >= 0 && i < len(m.entries) && m.entries[i].Key == key {
				m.hint = i
				return i
			}
		}
	}
	return -1
}

// countUnread finds the "new" line again and counts what is below it.
func (m *Model) countUnread() {
	m.unreadN, m.unreadAt = 0, m.index(m.unreadKey)
	if m.unreadAt < 0 {
		return
	}
	for _, e := range m.entries[m.unreadAt:] {
		if e.Kind == Message && !e.Own && !e.Deleted {
			m.unreadN++
		}
	}
}
