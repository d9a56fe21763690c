package chat

import tea "charm.land/bubbletea/v2"

// viewCommands are those about the screen itself and its settings.
func viewCommands() []command {
	return []command{
		{"set", "[name [value]]", "settings: show them, or change one", (*Model).cmdSet},
		{"settings", "", "the settings, to look through and change", func(m *Model, _ string) tea.Cmd { return m.openSettings() }},
		{"theme", "[name]", "colours: auto, dark, light, high-contrast, mono, terminal", (*Model).cmdTheme},
		{"bind", "key action", "give a key to an action; /bind key none takes it away", (*Model).cmdBind},
		{"mouse", "[on|off]", "mouse on or off until you quit (off lets the terminal select text)", (*Model).cmdMouse},
	}
}
