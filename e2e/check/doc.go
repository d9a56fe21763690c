// Package check judges the recorded history of a conversation: was it what one copy of the chat, working through one
// operation at a time, could have answered?
//
// A history is the operations as their callers saw them (Op: when it was invoked, when it returned, what came) and the
// conversation as it was read back at the end (Final). Two checkers judge it, and do not share code:
//
//	Model    porcupine over a sequential model. It finds any order that explains the answers. Its time grows with the number
//	         of callers of one conversation, so it always has a time limit, and not knowing is not a pass.
//	Ordered  uses that a conversation's seq is its order: n log n, so any number of callers.
//
// What both hold:
//
//  1. An acknowledged message is there, once, with the seq and id of its acknowledgement.
//  2. A message whose outcome is unknown is there once or not at all; one that was said to be not applied is not there.
//  3. The order agrees with real time: what was acknowledged before something else was invoked stands before it.
//  4. A read returns the end of a prefix of the conversation: never older than what was acknowledged before it was invoked,
//     never older than an earlier read, never something that was not sent yet.
//
// Ordered holds besides, and Stream for what a subscriber saw: seq is 1, 2, 3 ... without a gap, ids ascend.
//
// Nothing here knows Parley's code: histories are plain values, so that the tests can bend them.
package check
