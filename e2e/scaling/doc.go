// Package scaling is a model of what docs/scaling.md proposes, small enough to be run through many random histories: several
// ordered groups, rooms that move between them, senders that retry, and readers that resume one merged stream.
//
// It has no disk, no network and no Raft: a group is a total order of commands that are applied as they come, which is what
// Raft gives. Everything that can go wrong between groups is in it: a request may be tried on the old group, the new group or
// both, answers may be lost, the steps of a move may come late and twice, and a reader may stop after any event and go on with
// nothing but its cursor.
//
// Invariants that the test checks after every step:
//
//  1. A message is in its room once, however often and wherever it was tried, and every try that got an answer got the same.
//  2. The seqs of a room are 1, 2, 3 … across its moves.
//  3. A reader that resumes by its vector cursor sees every event of its rooms once, and each room's in the order of seqs.
//  4. A room has one home, or none for a moment while it moves; a group that is not its home refuses.
package scaling
