// Package hook turns what other systems post over HTTP into messages: Alertmanager's notifications, GitHub's events, plain
// text. It is the work of `parley hook`.
//
// A delivery, in order:
//
//	path and method -> secret, or GitHub's signature -> a place among MaxDeliveries, else 503
//	  -> body, at most MaxBodyBytes -> text, at most a message long, without control characters
//	  -> SendMessage with a request id made from the delivery -> 200 only when the message is committed, else 503
//
// Guarantees:
//
//  1. 200 is answered when a majority has the message on disk, and not before. What has nothing to say is answered 204.
//  2. A delivery that is posted again is one message: GitHub's by its delivery id, for ever; Alertmanager's by the group, its
//     alerts and the text, for RepeatWindow, for a reminder of hours later is a message of its own; plain text by the header
//     Idempotency-Key, where there is one.
//  3. Nothing that others wrote reaches a terminal as a control sequence, and no GitHub text mentions anybody.
package hook
