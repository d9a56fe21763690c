// Package soft keeps what a chat forgets by itself: who is there, and who is typing. It is in memory only; it never enters
// the log and never touches a disk. It knows neither the network nor the store: accounts and conversations are numbers, and
// what has to be sent or told is handed out by Step.
//
//	streams, SetPresence, SendTyping ──> State ──> Step: a frame for the other nodes
//	frames of the other nodes        ──>   │   └─> Step: whose presence changed, who types where
//	                                       └─ Follower: what one stream is still to be told
//
// Each node tells the others what it knows by itself, never what it heard: in full every heartbeat, and what changed in
// between, a few frames a second at the most. A frame that is lost is made good by the next full one.
//
// Invariants:
//
//  1. Presence is OFFLINE when no node that was heard of within its expiry serves a stream of the account; else ACTIVE when
//     one of them was told so within the last minute; else AWAY.
//  2. A stream that ended, and a node whose link broke, count for Linger longer: a client that moves to another node does
//     not come and go.
//  3. Everything is bounded (limits.go). What does not fit is dropped: typing for good, presence until the next full frame.
//  4. State calls nobody while it holds its lock, but for a Follower's wake.
package soft
