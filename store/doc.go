// Package store is the chat state of one node: a deterministic state machine on top of a disk. It knows no raft, no
// gRPC and no clock. The node gives it committed entries, and asks it for views.
//
// How it flows:
//
//	entries -> Apply -> machine (apply_*.go): authenticate, look up the request, validate, write
//	                      |  reads: active overlay, frozen overlay, disk
//	                      v
//	                  active overlay ---- 8 MiB or 1 s ----> frozen overlay -> flusher: one synced commit -> disk
//	                      |
//	                      +-> publish: one immutable snapshot for new views, then the events to the watchers
//
//	View  = overlay snapshots + one read of the disk; reads take the first layer that has a key
//	Watch = events pushed by Apply, or read from the event index by whoever fell behind
//	SessionWatch = a word when a session may have ended, for who writes and follows nothing
//
// Files that no store has open: Verify and VerifyBackup check one, Copy writes its state to a new file, Rebirth makes it the
// first state of another cluster.
//
// The disk is behind one seam (disk.go): a bbolt file in production, memory in the simulator.
//
// Invariants:
//
//  1. The state after an entry is a function of the entries up to it, and of nothing else: not of how they were cut
//     into calls, of flushes, restarts or snapshots.
//  2. What is on the disk is the state at exactly the flushed mark; the mark, the state hash and the state are in one
//     transaction. flushed <= applied.
//  3. A command validates before it writes, and its writes are seen all or none. One that fails for a reason outside
//     of the state (damage, a full disk, a command from a newer program) stops the store: nothing later is applied,
//     published or flushed.
//  4. At most two overlays live, so memory does not depend on the length of the history or the speed of the disk.
//  5. A view is one instant between two entries. A flush under it changes nothing that it reads.
//  6. Every value that comes from the disk was checked against its checksum and its key.
//  7. seq is gapless in a conversation; message ids ascend with the log over all of them; unread counts are exact.
//  8. A request that changed something has its answer recorded with the change.
package store
