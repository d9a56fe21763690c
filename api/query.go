package api

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// messageQuery is what a ReadMessages asks for, with what cannot go together refused.
func messageQuery(r *parleyv1.ReadMessagesRequest) (store.MessageQuery, error) {
	var f form
	q := store.MessageQuery{
		OnlyUnread: r.OnlyUnread, Limit: f.page("limit", r.Limit, defaultMessagesPage),
		BeforeID: r.BeforeId, AfterID: r.AfterId, ThreadID: r.ThreadId, AroundID: r.AroundId,
		FromMS: f.moment("from_time", r.FromTime), OnlyPinned: r.OnlyPinned, OnlyMentions: r.OnlyMentions,
	}
	if r.Conversation != "" {
		q.Conversation = f.conversation("conversation", r.Conversation)
	} else if r.ThreadId != 0 || r.AroundId != 0 || r.FromTime != nil || r.OnlyPinned {
		f.add("conversation", "must be given with thread_id, around_id, from_time and only_pinned")
	}
	if r.BeforeId != 0 && r.AfterId >= r.BeforeId {
		f.add("after_id", "must be below before_id")
	}
	bounded := r.BeforeId != 0 || r.AfterId != 0
	switch {
	case r.AroundId != 0 && (bounded || r.FromTime != nil || r.OnlyUnread || r.OnlyPinned || r.OnlyMentions):
		f.add("around_id", "cannot go with before_id, after_id, from_time, only_unread, only_pinned or only_mentions")
	case r.FromTime != nil && bounded:
		f.add("from_time", "cannot go with before_id or after_id; go on from a page with after_id alone")
	}
	return q, f.err()
}

// newestFirst says at which end of what it asks for a query's pages begin.
func newestFirst(q store.MessageQuery) bool { return q.AfterID == 0 && q.FromMS == 0 && !q.OnlyUnread }

// fit cuts a page to what a reply holds. The rest comes with the next page.
func fit(p store.Page, q store.MessageQuery) store.Page {
	if q.AroundID != 0 {
		return fitWindow(p, q.AroundID)
	}
	if kept := fitReply(p.Messages, newestFirst(q)); len(kept) < len(p.Messages) {
		p.Messages, p.More = kept, true
	}
	return p
}

// fitWindow keeps what fits a reply around a message, which always does.
func fitWindow(p store.Page, around uint64) store.Page {
	ms := p.Messages
	at, _ := slices.BinarySearchFunc(ms, around, func(m *parleyv1.Message, id uint64) int {
		switch {
		case m.Id < id:
			return -1
		case m.Id > id:
			return 1
		}
		return 0
	})
	from, to, size := at, at, 0
	take := func(i int) bool {
		n := proto.Size(ms[i])
		if size+n > maxReplyBytes && from < to {
			return false
		}
		size += n
		return true
	}
	for older, newer := true, true; older || newer; {
		if newer = newer && to < len(ms) && take(to); newer {
			to++
		}
		if older = older && from > 0 && take(from-1); older {
			from--
		}
	}
	return store.Page{
		Messages: ms[from:to], More: p.More || to < len(ms), MoreBefore: p.MoreBefore || from > 0,
	}
}

// moment is a time in unix milliseconds, rounded up; 0 when there is none. What is before 1970 is the beginning of time.
func (f *form) moment(field string, t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	if err := t.CheckValid(); err != nil {
		f.add(field, "must be a time between the years 1 and 9999")
		return 0
	}
	return max(t.AsTime().Add(time.Millisecond-1).UnixMilli(), 1)
}

// conversationFailure words what the store says of a conversation that was named. A private room of others is answered
// exactly as a name that nobody has.
func conversationFailure(err error, field, name string) error {
	switch {
	case errors.Is(err, store.ErrNotMember):
		return &failure{code: codes.PermissionDenied, reason: reasonName(internalv1.Reason_REASON_NOT_A_MEMBER),
			message: "you are not a member of " + name + "; join it first", fields: []violation{{field, "is a room of others"}}}
	case errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNoMessage):
		return &failure{code: codes.NotFound, reason: reasonName(internalv1.Reason_REASON_CONVERSATION_NOT_FOUND),
			message: "there is no conversation " + name + "; check the name, or list users and conversations",
			fields:  []violation{{field, "is unknown"}}}
	}
	return err
}

// lostAnchor words that the message which a query starts from is none that the caller can see.
func lostAnchor(err error, q store.MessageQuery) error {
	if q.AroundID != 0 {
		return messageFailure(err, "around_id", q.AroundID)
	}
	return messageFailure(err, "thread_id", q.ThreadID)
}

// messageFailure words what the store says of a message that was named by its id. One that the caller may not see is none.
func messageFailure(err error, field string, id uint64) error {
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrNotMember) {
		return err
	}
	return &failure{code: codes.NotFound, reason: reasonName(internalv1.Reason_REASON_MESSAGE_NOT_FOUND),
		message: fmt.Sprintf("there is no message %d that you can see; check the id", id), fields: []violation{{field, "is unknown"}}}
}
