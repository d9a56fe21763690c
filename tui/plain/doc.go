// Package plain is the terminal client without a screen: for screen readers, dumb terminals, pipes and logs.
//
// What happens is one finished line each, which is never drawn over: "14:03 bob: on it", "14:03 you, committed: on it",
// "link: failover n1 to n2 in 0.4 s". Of what the client itself says nothing is outside ASCII, and no line is told by its colour
// or its place.
//
//	plain.go     Run and the one loop that owns the session
//	input.go     the goroutine that reads lines, and what becomes of them
//	conversation.go what is known of each conversation
//	console.go   where lines come from and go to: a line editor on a terminal, or plain reading
//	message.go   a message as lines
//	send.go      own messages from Enter to their outcome, by the rules of tui/outbox; store.go keeps them on disk
//	stream.go    the subscription
//	read.go      pages of history, and what they mark as read
//	link.go      the connection in words
//	commands*.go slash commands
//
// Invariants:
//
//  1. The loop alone touches the session. Calls run on goroutines that the session owns, at most maxCalls at once, and end with
//     it; what they bring is applied by the loop. The goroutine that reads lines ends with its input, or with the process.
//  2. A message keeps its request id from Enter until its outcome is known. Messages of one conversation go out one at a time, in
//     the order they were written; one without a verdict holds back the later ones, a rejected one does not.
//  3. A message without a verdict is never called failed, and none is called committed before a quorum has it.
//  4. Each message of the subscription is written once, and only what was written is marked as read.
//  5. No line of a message can be taken for a line of the client: each begins with who wrote it.
package plain
