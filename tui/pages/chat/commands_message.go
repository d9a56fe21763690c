package chat

// messageCommands are those about what is done to one message.
func messageCommands() []command {
	return nil
}
