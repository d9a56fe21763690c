package timeline

// Select turns the select mode on at the entry with this key and shows it. It reports false when there is none.
func (m *Model) Select(key string) bool {
	i := m.index(key)
	if i < 0 || !selectable(m.entries[i]) {
		return false
	}
	m.selecting, m.cursor = true, key
	m.reveal(i)
	return true
}
