package chat

import (
	tea "charm.land/bubbletea/v2"

	"parley/tui/components/timeline"
)

// openDetails shows all that is known of a message.
func (m *Model) openDetails(e *timeline.Entry) tea.Cmd {
	return nil
}
