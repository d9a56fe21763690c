package chat

// viewCommands are those about the screen itself and its settings.
func viewCommands() []command {
	return []command{
		{"set", "[name [value]]", "settings: show them, or change one", (*Model).cmdSet},
		{"theme", "[name]", "colours: auto, dark, light, high-contrast, mono, terminal", (*Model).cmdTheme},
		{"bind", "key action", "give a key to an action; /bind key none takes it away", (*Model).cmdBind},
		{"mouse", "[on|off]", "mouse on or off until you quit (off lets the terminal select text)", (*Model).cmdMouse},
	}
}
