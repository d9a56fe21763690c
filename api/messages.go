package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

func (s *chat) SendMessage(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	resp, err := s.send(ctx, r)
	s.metrics.sent[sendResult(err)].Inc()
	return resp, err
}

func (s *chat) send(ctx context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	cmd, err := checkedSend(r, callerOf(ctx).token)
	if err != nil {
		return nil, err
	}
	sess, err := s.sender(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.maySend(sess.Username); err != nil {
		return nil, err
	}
	out, err := s.replica.Propose(ctx, cmd)
	if err != nil {
		return nil, fromPropose(ctx, err)
	}
	var a sentAnswer
	if err := a.read(out); err != nil {
		return nil, err
	}
	return &a.resp, nil
}

// checkedSend is the command of a send whose form is right.
func checkedSend(r *parleyv1.SendMessageRequest, token []byte) ([]byte, error) {
	var f form
	id := f.requestID(r.RequestId)
	conv := f.conversation("conversation", r.Conversation)
	text := f.text("text", r.Text)
	if err := f.err(); err != nil {
		return nil, err
	}
	if r.ReplyTo != 0 {
		return replyCommand(id, token, conv, text, r.ReplyTo)
	}
	return sendCommand(id, token, conv, text), nil
}

// replyCommand is the marshalled Command of a reply, which needs a cluster version that a plain send does not.
func replyCommand(id, token []byte, conv, text string, to uint64) ([]byte, error) {
	b, err := proto.Marshal(&internalv1.Command{RequestId: id, Session: token, Body: &internalv1.Command_PostMessage{
		PostMessage: &internalv1.PostMessage{Conversation: conv, Text: text, ReplyTo: to},
	}})
	if err != nil {
		return nil, internal(err)
	}
	return b, nil
}

// maySend takes one send from what the account may do in a time.
func (s *chat) maySend(username string) error {
	if s.sends == nil {
		return nil
	}
	if wait, ok := s.sends.take(username); !ok {
		return tooFast(wait)
	}
	return nil
}

// sendCommand is the marshalled Command of a send. It is written by hand, for it is made for each message; a test
// compares it with what the generated code writes.
func sendCommand(id, token []byte, conv, text string) []byte {
	const requestID, session, sendMessage, conversation, body = 1, 2, 15, 1, 2
	inner := protowire.SizeTag(conversation) + protowire.SizeBytes(len(conv)) + protowire.SizeTag(body) + protowire.SizeBytes(len(text))
	b := make([]byte, 0, protowire.SizeTag(requestID)+protowire.SizeBytes(len(id))+
		protowire.SizeTag(session)+protowire.SizeBytes(len(token))+protowire.SizeTag(sendMessage)+protowire.SizeBytes(inner))
	b = protowire.AppendBytes(protowire.AppendTag(b, requestID, protowire.BytesType), id)
	b = protowire.AppendBytes(protowire.AppendTag(b, session, protowire.BytesType), token)
	b = protowire.AppendVarint(protowire.AppendTag(b, sendMessage, protowire.BytesType), uint64(inner))
	b = protowire.AppendString(protowire.AppendTag(b, conversation, protowire.BytesType), conv)
	return protowire.AppendString(protowire.AppendTag(b, body, protowire.BytesType), text)
}

func (s *chat) ReadMessages(ctx context.Context, r *parleyv1.ReadMessagesRequest) (
	*parleyv1.ReadMessagesResponse, error,
) {
	q, err := messageQuery(r)
	if err != nil {
		return nil, err
	}
	var page store.Page
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		page, err = v.Messages(sess, q)
		if errors.Is(err, store.ErrNoMessage) {
			return lostAnchor(err, q)
		}
		return conversationFailure(err, "conversation", q.Conversation)
	})
	if err != nil {
		return nil, err
	}
	page = fit(page, q)
	return &parleyv1.ReadMessagesResponse{
		Messages: page.Messages, More: page.More, MoreBefore: page.MoreBefore, ReadInfo: info,
	}, nil
}

// fitReply keeps what fits a reply, from the end that paging starts at: the rest comes with the next page. One message
// always fits.
func fitReply(ms []*parleyv1.Message, newestFirst bool) []*parleyv1.Message {
	size := 0
	for i := range ms {
		at := i
		if newestFirst {
			at = len(ms) - 1 - i
		}
		size += proto.Size(ms[at])
		if size > maxReplyBytes && i > 0 {
			if newestFirst {
				return ms[at+1:]
			}
			return ms[:at]
		}
	}
	return ms
}

func (s *chat) MarkRead(ctx context.Context, r *parleyv1.MarkReadRequest) (*parleyv1.MarkReadResponse, error) {
	var f form
	id := f.requestID(r.RequestId)
	if len(r.Ranges) == 0 || len(r.Ranges) > maxRanges {
		f.add("ranges", "must be 1 to %d", maxRanges)
		return nil, f.err()
	}
	mark := &internalv1.MarkRead{}
	for _, g := range r.Ranges {
		if len(f.bad) > 0 { // the first wrong range says enough
			break
		}
		conv := f.conversation("ranges.conversation", g.GetConversation())
		if g.GetFromSeq() == 0 || g.GetFromSeq() > g.GetToSeq() {
			f.add("ranges.from_seq", "must be at least 1 and not above to_seq")
		}
		mark.Ranges = append(mark.Ranges, &internalv1.MarkRead_Range{
			Conversation: conv, FromSeq: g.GetFromSeq(), ToSeq: g.GetToSeq(),
		})
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	_, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_MarkRead{MarkRead: mark}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.MarkReadResponse{}, nil
}

func (s *chat) ListConversations(ctx context.Context, r *parleyv1.ListConversationsRequest) (
	*parleyv1.ListConversationsResponse, error,
) {
	var f form
	size := f.page("page_size", r.PageSize, defaultConversations)
	token := f.opaque("page_token", r.PageToken, maxPageTokenBytes)
	if err := f.err(); err != nil {
		return nil, err
	}
	// A conversation carries its last message: a page of the longest ones must fit a reply.
	size = min(size, maxReplyBytes/(maxTextBytes+1024))
	resp := &parleyv1.ListConversationsResponse{}
	info, err := s.read(ctx, r.Consistency, func(v *store.View, sess store.Session) (err error) {
		resp.Conversations, resp.NextPageToken, err = v.Conversations(sess, size, token)
		resp.Cursor = v.Cursor()
		return err
	})
	if err != nil {
		return nil, err
	}
	resp.ReadInfo = info
	return resp, nil
}

func (s *chat) DeleteMessages(ctx context.Context, r *parleyv1.DeleteMessagesRequest) (
	*parleyv1.DeleteMessagesResponse, error,
) {
	var f form
	id := f.requestID(r.RequestId)
	if len(r.Ids) == 0 || len(r.Ids) > maxIDs {
		f.add("ids", "must be 1 to %d", maxIDs)
		return nil, f.err()
	}
	seen := make(map[uint64]bool, len(r.Ids))
	ids := make([]uint64, 0, len(r.Ids))
	for _, m := range r.Ids {
		if m == 0 {
			f.add("ids", "must be message ids; 0 is none")
			break
		}
		if !seen[m] { // an id given twice is deleted once, and counted once
			seen[m] = true
			ids = append(ids, m)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	res, err := s.write(ctx, &internalv1.Command{RequestId: id, Body: &internalv1.Command_DeleteMessages{
		DeleteMessages: &internalv1.DeleteMessages{Ids: ids},
	}})
	if err != nil {
		return nil, err
	}
	return &parleyv1.DeleteMessagesResponse{Deleted: res.GetDelete().GetDeleted()}, nil
}
