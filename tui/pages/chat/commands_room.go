package chat

// roomCommands are those about rooms and conversations.
func roomCommands() []command {
	return nil
}
