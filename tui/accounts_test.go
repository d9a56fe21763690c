package tui

import "testing"

// What the cluster knows of somebody, and that a line which is no good comes back to be corrected.
func TestWhoIs(t *testing.T) {
	x := start(t, 100, 24, lobby)
	lobbySettled(x)
	x.line("/whois @bob")
	x.see("user name", "shown as", "Bob", "presence", "here")
	x.keys("enter")
	x.see("Message @bob")
	x.line("/cluster-settings registration maybe")
	x.see("open|invite|closed", "> /cluster-settings registration maybe")
}
