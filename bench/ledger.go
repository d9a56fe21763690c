package bench

import (
	"fmt"
	"time"

	"parley/proto/parleyv1"
)

// callerLog is what one caller did; the caller alone writes it, and it is read after all have ended. Its memory is a bit for
// each operation and a few words for each conversation, however long a run is.
type callerLog struct {
	// waited are the latencies, from when an operation was to begin; served the same from when it began. Without a rate they are
	// the same and served is empty.
	waited, served hist
	errors         int
	// late began more than lateAfter behind their time.
	late int
	// acked are the operations that were acknowledged, unknown those that may or may not have been carried out.
	acked   bitset
	unknown map[int]bool
	// ledgers are one for each of the caller's places.
	ledgers []ledger
	// wrong is the first acknowledgement that contradicts an earlier one.
	wrong error
	// nodes counts the reads that each node answered.
	nodes map[string]int
	// done, when set, is told of each operation as it ends well.
	done func(caller int, began, ended time.Time)
}

// ledger is what was acknowledged to one caller in one conversation.
type ledger struct {
	// sum adds up a hash of each acknowledgement: who, which, seq and id. What is read back must add up to the same, whatever its
	// order.
	sum   uint64
	count int
	// first is the lowest id; lastSeq and lastID are the latest.
	first, lastSeq, lastID uint64
}

// acknowledge takes the answer to a send. A caller waits for each before the next, so seq and id must ascend.
func (l *callerLog) acknowledge(caller, op, place int, resp *parleyv1.SendMessageResponse) {
	g := &l.ledgers[place]
	if seq, id := resp.GetSeq(), resp.GetId(); g.count > 0 && (seq <= g.lastSeq || id <= g.lastID) && l.wrong == nil {
		l.wrong = fmt.Errorf("caller %d's message %d got seq %d and id %d after an earlier one had %d and %d: the order is reversed",
			caller, op, seq, id, g.lastSeq, g.lastID)
	}
	if g.count == 0 {
		g.first = resp.GetId()
	}
	g.count++
	g.lastSeq, g.lastID = resp.GetSeq(), resp.GetId()
	g.sum += ackHash(caller, op, g.lastSeq, g.lastID)
	l.acked.set(op)
}

// ackHash mixes so well that a sum of it cannot be right by accident.
func ackHash(caller, op int, seq, id uint64) uint64 {
	return mix(mix(mix(uint64(caller)<<40|uint64(op))^seq) ^ id)
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
