// Package outbox holds the rules of own messages from Enter to their outcome: what may be given to the cluster next, what an
// answer means, and which of the five states a person is told. It does no I/O and asks no clock; the page and the plain mode
// drive it.
//
// Invariants:
//
//  1. A message keeps its request id from Enter until its outcome is known, over crashes and restarts.
//  2. It is on disk before it is first given to a node, and on disk as tried; so what a crash interrupted comes back as unknown.
//  3. Of one conversation one message is on its way at a time, in the order of writing. One without a verdict holds back the
//     later ones; a rejected one, or one of another cluster, does not.
//  4. An unknown outcome is never told as failed, and is tried again with the same id. Only an answer ends it.
//  5. What waited longer than StaleAfter, and what was written for another cluster, is not sent before a person said so.
package outbox
