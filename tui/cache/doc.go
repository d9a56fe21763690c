// Package cache keeps on disk what a client must not lose and what it shows before a node answers: one bbolt file an account.
//
//	DIR/alice.db        the first client of alice; alice.2.db … of those that run beside it
//	DIR/alice.db.lock   held as long as a client uses the file; its lock ends with its process
//	DIR/alice.db.damaged-1764295392   a file that could not be read, set aside
//
// Inside are the outbox (JSON, by order of writing), the list of conversations and the last MaxMessages messages of each
// (the contract's protobuf), drafts, scroll positions, and read marks that the cluster was not told.
//
// Invariants:
//
//  1. What Put was given is on disk when it returns; a crash of the client or of the machine does not take it back.
//  2. A message is in the outbox from Put until Drop. Opening another client's file moves its outbox over whole: into ours
//     first, out of there second, so that a crash between leaves it twice under one request id, never not at all.
//  3. Histories belong to the cluster that SetCluster named last. The outbox outlives a change of it and remembers its own.
//  4. A file is checked before bbolt maps it. One that does not hold up is renamed, said, and begun anew; nothing is deleted.
package cache
