// Package chat is the main page: conversations, one timeline, the composer, the cluster, the status bar.
//
// How it flows: Init asks for the conversations; their cursor starts the subscription (stream.go), whose frames Update
// applies to the store in memory (conversation.go). Opening a conversation loads its newest page; scrolling up loads older
// ones (load.go). A message goes through outgoing (send.go). The link's changes become notices in the timeline (link.go).
// What was on screen is marked as read (read.go).
//
// Invariants:
//
//  1. Update and View never block: whatever may wait runs in a tea.Cmd under the page's context and answers with one message
//     type of its own.
//  2. A message keeps its request id from Enter until its outcome is known. The page never makes a second id for it.
//  3. Messages of one conversation are given to the cluster one at a time, in the order they were written. One without a
//     verdict holds back the later ones; a failed one does not.
//  4. A message is shown once, whatever brought it (answer, stream, page): it is found by seq, an own one by request id.
//  5. A message with an unknown outcome is never shown as failed; only an answer ends the doubt.
//  6. Only what was on screen, in a terminal with the focus, is marked as read.
//  7. A fail-over touches nothing of the page but the link: not the draft, not the position, not the selection.
package chat
