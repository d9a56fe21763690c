package store

import (
	"slices"

	"parley/proto/internalv1"
)

// What a member has read: everything up to ReadSeq, and the ranges above it. The store keeps them in one form:
//
//  1. ranges ascend, do not touch each other or ReadSeq, and end at or below the newest seq;
//  2. a member with nothing unread has ReadSeq at the newest seq and no ranges, so that nobody has to search;
//  3. Unread counts the messages of others, alive and not hidden, that are neither below ReadSeq nor in a range.

// isRead says whether a seq is read.
func isRead(r *internalv1.MemberRecord, seq uint64) bool {
	return seq <= r.GetReadSeq() || rangeOf(r, seq) >= 0
}

// rangeOf returns where in Ranges the range with seq begins, -1 when none has it.
func rangeOf(r *internalv1.MemberRecord, seq uint64) int {
	for i := 0; i < len(r.GetRanges()); i += 2 {
		if seq < r.Ranges[i] {
			return -1
		}
		if seq <= r.Ranges[i+1] {
			return i
		}
	}
	return -1
}

// readAll brings a member with nothing unread into its one form.
func readAll(r *internalv1.MemberRecord, lastSeq uint64) {
	r.ReadSeq, r.Unread, r.Ranges = lastSeq, 0, nil
}

// run is a run of seqs, both ends included.
type run struct{ from, to uint64 }

// unreadRuns returns the parts of a run that are neither below the watermark nor in a range.
func unreadRuns(r *internalv1.MemberRecord, in run) []run {
	var out []run
	next := max(in.from, r.GetReadSeq()+1)
	for i := 0; i < len(r.GetRanges()) && next <= in.to; i += 2 {
		lo, hi := r.Ranges[i], r.Ranges[i+1]
		if hi < next {
			continue
		}
		if lo > next {
			out = append(out, run{next, min(in.to, lo-1)})
		}
		next = hi + 1
	}
	if next <= in.to {
		out = append(out, run{next, in.to})
	}
	return out
}

// addRange marks a run as read in watermark and ranges; the count is the caller's business.
func addRange(r *internalv1.MemberRecord, in run) {
	rs := r.GetRanges()
	out := make([]uint64, 0, len(rs)+2)
	placed := false
	for i := 0; i < len(rs); i += 2 {
		lo, hi := rs[i], rs[i+1]
		switch {
		case hi+1 < in.from:
			out = append(out, lo, hi)
		case in.to+1 < lo:
			if !placed {
				out = append(out, in.from, in.to)
				placed = true
			}
			out = append(out, lo, hi)
		default:
			in.from, in.to = min(in.from, lo), max(in.to, hi)
		}
	}
	if !placed {
		out = append(out, in.from, in.to)
	}
	for len(out) > 0 && out[0] <= r.GetReadSeq()+1 {
		r.ReadSeq = max(r.GetReadSeq(), out[1])
		out = out[2:]
	}
	r.Ranges = out
}

// copyReadState copies what a MarkRead works on before it is certain that it is allowed.
func copyReadState(r *internalv1.MemberRecord) *internalv1.MemberRecord {
	return &internalv1.MemberRecord{
		ReadSeq: r.GetReadSeq(), Ranges: slices.Clone(r.GetRanges()), Unread: r.GetUnread(),
		MarkIndex: r.GetMarkIndex(), MarkOrdinal: r.GetMarkOrdinal(), Mute: r.GetMute(), JoinIndex: r.GetJoinIndex(),
		JoinOrdinal: r.GetJoinOrdinal(), MuteIndex: r.GetMuteIndex(), MuteOrdinal: r.GetMuteOrdinal(),
	}
}
