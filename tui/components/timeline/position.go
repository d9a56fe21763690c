package timeline

import "parley/tui/common"

// Position is where the window stands, for another run; the zero value follows the tail.
func (m *Model) Position() common.Position {
	if m.follow {
		return common.Position{}
	}
	return common.Position{Seq: m.seq, Row: m.off}
}

// SetPosition goes back there, or to the next later message when that one is gone. The entries must be there already.
func (m *Model) SetPosition(p common.Position) {
	if p == (common.Position{}) {
		m.End()
		return
	}
	m.follow, m.anchor, m.seq, m.off = false, "", p.Seq, p.Row
	if i := m.find(); i >= 0 {
		m.anchor = m.entries[i].Key
	}
	m.settle()
}
