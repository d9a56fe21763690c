// Package timeline is the list of messages of one conversation: a virtual list that renders only what is visible.
//
// The position is an anchor: the key of the entry at the top of the window and the row within its body. It is not a row
// number, so a new width, older messages in front, or a fail-over in between leave the reader where they were. At the bottom
// the list follows the tail instead.
//
// Invariants:
//
//  1. An entry's Key never changes, also not when a message that is being sent becomes a committed one.
//  2. Nothing is drawn to the right of message text, because terminals disagree on the width of some of it.
//  3. View changes nothing; only Set…, Scroll… and the selection methods move the window.
//  4. Only what is visible, or passed by a scroll, is wrapped and styled; the rest of the list is only ever searched by key.
package timeline
