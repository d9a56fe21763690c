package timeline

// Hold keeps the window where it is when entries are added below, also at the tail.
func (m *Model) Hold() {
	if m.follow && len(m.entries) > 0 && m.h > 0 && m.w > 0 {
		i, l := m.top()
		m.pin(i, l)
	}
}
