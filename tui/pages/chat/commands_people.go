package chat

// peopleCommands are those about people and accounts.
func peopleCommands() []command {
	return nil
}
