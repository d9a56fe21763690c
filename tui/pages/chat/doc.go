// Package chat is the main page: conversations, one timeline, the composer, the cluster, the status bar.
//
// How it flows: Init asks for the conversations; their cursor starts the subscription (stream.go), whose frames Update
// applies to the store in memory (conversation.go). Opening a conversation loads its newest page; scrolling up loads older
// ones (load.go), opening a place in the middle a window around it (window.go). A message goes through the outbox on disk
// (store.go) to the cluster (send.go, by the rules of package outbox); what is done to a message is an action (action.go,
// onmessage.go). What the disk has is shown until a node answers (kept.go). The link's changes become notices in the timeline
// (link.go). What was on screen is marked as read (read.go). Keys come to keys.go, a draft ends in enter.go, slash commands are
// tables by subject in commands_*.go; screens in front of the page are a stack (overlays.go).
//
// Invariants:
//
//  1. Update and View never block: whatever may wait runs in a tea.Cmd under the page's context and answers with one message
//     type of its own.
//  2. A message, and an action on one, keeps its request id from the key until its outcome is known, over restarts for a message.
//     The page never makes a second id for it.
//  3. Messages of one conversation are given to the cluster one at a time, in the order they were written. One without a
//     verdict holds back the later ones; a failed one does not.
//  4. A message is shown once, whatever brought it (answer, stream, page): it is found by seq, an own one by request id. It is
//     counted as unread and called for once, when the stream tells it; an answer or a page may be faster and takes nothing away.
//  5. A message with an unknown outcome is never shown as failed; only an answer ends the doubt.
//  6. Only what was on screen, in a terminal with the focus, is marked as read.
//  7. A fail-over touches nothing of the page but the link: not the draft, not the position, not the selection.
package chat
