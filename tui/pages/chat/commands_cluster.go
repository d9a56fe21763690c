package chat

// clusterCommands are those about the cluster and the connection.
func clusterCommands() []command {
	return nil
}
