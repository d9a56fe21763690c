package chat

// viewCommands are those about the screen itself and its settings.
func viewCommands() []command {
	return nil
}
