package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

// readQuery is what `read`, and what prints messages as it does, was asked for.
type readQuery struct {
	conversation string
	unread       bool
	limit        int
	before       uint64
	// after is where the last page of a walk to newer messages ended.
	after uint64
	// around, since and thread look into the past of one conversation.
	around           uint64
	since            time.Time
	thread           uint64
	pinned, mentions bool
	peek             bool
	local            bool
}

// check refuses what cannot go together.
func (q readQuery) check() error {
	kinds := 0
	for _, set := range []bool{q.around != 0, !q.since.IsZero(), q.thread != 0, q.unread} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return usageError("--around, --since, --thread and --unread: give one")
	case kinds > 0 && !q.unread && q.conversation == "":
		return usageError("--around, --since and --thread need a conversation: name @user or '#room'")
	case (q.around != 0 || !q.since.IsZero()) && q.before != 0:
		return usageError("--before cannot go with --around or --since")
	case q.around != 0 && q.limit > pageSize:
		return usageError("--limit %d: a window has at most %d messages", q.limit, pageSize)
	}
	return q.checkLimit()
}

func (q readQuery) checkLimit() error {
	if q.limit < 1 || q.limit > maxReadLimit {
		return usageError("--limit %d: choose 1 to %d", q.limit, maxReadLimit)
	}
	return nil
}

// forward says that the oldest messages are printed first, page after page.
func (q readQuery) forward() bool { return q.unread || q.thread != 0 || !q.since.IsZero() }

// looksBack says that nothing is to be marked as read: it was asked for so, or the messages are picked out of the past, and a
// mark says of a room that all before it is read.
func (q readQuery) looksBack() bool {
	return q.peek || q.around != 0 || q.thread != 0 || !q.since.IsZero() || q.pinned || q.mentions
}

// request is the next page of at most so many messages.
func (q readQuery) request(limit int) *parleyv1.ReadMessagesRequest {
	r := &parleyv1.ReadMessagesRequest{
		Conversation: q.conversation, OnlyUnread: q.unread, Limit: uint32(min(limit, pageSize)), BeforeId: q.before,
		AfterId: q.after, AroundId: q.around, ThreadId: q.thread, OnlyPinned: q.pinned, OnlyMentions: q.mentions,
		Consistency: consistency(q.local),
	}
	switch {
	case q.after != 0:
	case !q.since.IsZero():
		r.FromTime = timestamppb.New(q.since)
	case q.thread != 0:
		r.AfterId = q.thread // the replies come after it
	}
	return r
}

// moments are the forms of a time that people write, in their own zone.
var moments = []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// parseMoment reads a time, or how long ago it was.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, form := range moments {
		if t, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q: write 2026-01-31, \"2026-01-31 14:05\", RFC 3339, or how long ago: 90m, 12h, 3d", s)
}
