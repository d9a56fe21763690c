package store

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// What every message costs is written out here: the command that sends it is read, and its records are written, without the
// walk over descriptors that the protobuf package needs. The bytes are the same, which a test checks for every field; a
// command in any other form, or with anything that is not known, goes the general way.

// appendRecord marshals a record.
func appendRecord(dst []byte, r proto.Message) ([]byte, error) {
	switch r := r.(type) {
	case *internalv1.PlaceRecord:
		dst = appendNum(dst, 1, r.Conversation)
		dst = appendNum(dst, 2, r.Seq)
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.AuthoredRecord:
		dst = appendNum(dst, 1, r.Ordinal)
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.RoomMemberRecord:
		dst = appendNum(dst, 1, uint64(r.Membership))
		dst = appendNum(dst, 2, r.Sent)
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.AnswerRecord:
		dst = appendBin(dst, 1, r.Digest)
		dst = appendNum(dst, 2, r.Conversation)
		dst = appendNum(dst, 3, r.Seq)
		dst = appendBin(dst, 4, r.Result)
		dst = appendNum(dst, 5, uint64(r.ExpiresUnixMs))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.EventRecord:
		if !utf8.ValidString(r.Value) || !utf8.ValidString(r.OldName) {
			break
		}
		dst = appendNum(dst, 1, uint64(r.Kind))
		dst = appendNum(dst, 2, r.Conversation)
		dst = appendNum(dst, 3, r.Seq)
		dst = appendNum(dst, 4, r.Message)
		dst = appendNum(dst, 5, r.Account)
		dst = appendNum(dst, 6, r.ReadSeq)
		dst = appendNum(dst, 7, r.Unread)
		dst = appendNum(dst, 8, uint64(r.Annotation))
		dst = appendStr(dst, 9, r.Value)
		dst = appendBool(dst, 10, r.Present)
		dst = appendNum(dst, 11, uint64(r.Membership))
		dst = appendNum(dst, 12, r.By)
		dst = appendStr(dst, 13, r.OldName)
		dst = appendNum(dst, 14, uint64(r.Mute))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.ConversationRecord:
		if !utf8.ValidString(r.Name) || !utf8.ValidString(r.Topic) {
			break
		}
		dst = appendNum(dst, 1, uint64(r.Kind))
		dst = appendNum(dst, 2, r.LastSeq)
		dst = appendNum(dst, 3, r.LastMessage)
		dst = appendNum(dst, 4, r.LastEventIndex)
		dst = appendNum(dst, 5, uint64(r.LastEventOrdinal))
		dst = appendNum(dst, 6, r.Low)
		dst = appendNum(dst, 7, r.High)
		dst = appendNum(dst, 8, r.SentByLow)
		dst = appendNum(dst, 9, r.FirstSeq)
		dst = appendNum(dst, 10, r.RemovedByLow)
		dst = appendNum(dst, 11, uint64(r.Pins))
		dst = appendStr(dst, 12, r.Name)
		dst = appendStr(dst, 13, r.Topic)
		dst = appendBool(dst, 14, r.Private)
		dst = appendBool(dst, 15, r.Archived)
		dst = appendNum(dst, 16, uint64(r.Members))
		dst = appendNum(dst, 17, uint64(r.Owners))
		dst = appendNum(dst, 18, uint64(r.CreatedUnixMs))
		dst = appendNum(dst, 19, uint64(r.RetainDays))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.MemberRecord:
		if len(r.Ranges) > 0 {
			break
		}
		dst = appendNum(dst, 1, r.ReadSeq)
		dst = appendNum(dst, 3, r.Unread)
		dst = appendNum(dst, 4, r.MarkIndex)
		dst = appendNum(dst, 5, uint64(r.MarkOrdinal))
		dst = appendNum(dst, 6, uint64(r.Mute))
		dst = appendNum(dst, 7, r.JoinIndex)
		dst = appendNum(dst, 8, uint64(r.JoinOrdinal))
		dst = appendNum(dst, 9, r.MuteIndex)
		dst = appendNum(dst, 10, uint64(r.MuteOrdinal))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.AccountRecord:
		if !utf8.ValidString(r.Username) || !utf8.ValidString(r.DisplayName) || !utf8.ValidString(r.PasswordPhc) ||
			!utf8.ValidString(r.Status) {
			break
		}
		dst = appendStr(dst, 1, r.Username)
		dst = appendStr(dst, 2, r.DisplayName)
		dst = appendStr(dst, 3, r.PasswordPhc)
		dst = appendNum(dst, 4, r.Generation)
		dst = appendBool(dst, 5, r.Operator)
		dst = appendBool(dst, 6, r.Deleted)
		dst = appendNum(dst, 7, uint64(r.CreatedUnixMs))
		dst = appendBin(dst, 8, r.GreatestRequest)
		dst = appendNum(dst, 9, uint64(r.Conversations))
		dst = appendNum(dst, 10, r.LastSession)
		dst = appendNum(dst, 11, uint64(r.Sessions))
		dst = appendStr(dst, 12, r.Status)
		dst = appendBool(dst, 13, r.Suspended)
		dst = appendNum(dst, 14, r.Owner)
		dst = appendNum(dst, 15, uint64(r.Bots))
		dst = appendNum(dst, 16, uint64(r.Blocks))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	case *internalv1.GlobalsRecord:
		dst = appendNum(dst, 1, uint64(r.ClockMs))
		dst = appendNum(dst, 2, r.LastAccount)
		dst = appendNum(dst, 3, r.LastConversation)
		dst = appendNum(dst, 4, r.LastMessage)
		dst = appendNum(dst, 5, uint64(r.ClusterVersion))
		dst = appendNum(dst, 6, r.EventFloor)
		dst = appendNum(dst, 7, r.LastMember)
		dst = appendNum(dst, 8, uint64(r.Registration))
		dst = appendNum(dst, 9, uint64(r.RetainDays))
		dst = appendNum(dst, 10, r.RetainNext)
		dst = appendNum(dst, 11, uint64(r.RetainPassMs))
		dst = appendNum(dst, 12, r.LastAudit)
		dst = appendNum(dst, 13, uint64(r.Invites))
		dst = appendNum(dst, 14, uint64(r.RetainingRooms))
		return append(dst, r.ProtoReflect().GetUnknown()...), nil
	}
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, r)
}

// appendMessageRecord marshals a message's record with a text that stands beside it: valid UTF-8.
func appendMessageRecord(dst []byte, r *internalv1.MessageRecord, text []byte) []byte {
	dst = appendNum(dst, 1, r.Id)
	dst = appendNum(dst, 2, r.Sender)
	dst = appendNum(dst, 3, uint64(r.TimeUnixMs))
	dst = appendBin(dst, 4, text)
	dst = appendBin(dst, 5, r.RequestId)
	dst = appendNum(dst, 6, r.EventIndex)
	dst = appendNum(dst, 7, uint64(r.EventOrdinal))
	dst = appendBool(dst, 8, r.Deleted)
	dst = appendNum(dst, 9, r.SentByLow)
	dst = appendNum(dst, 10, r.ThreadSeq)
	dst = appendNum(dst, 11, uint64(r.Replies))
	dst = appendNum(dst, 12, uint64(r.Edits))
	dst = appendNum(dst, 13, uint64(r.EditedUnixMs))
	dst = appendNum(dst, 14, uint64(r.ReactionValues))
	dst = appendNum(dst, 15, uint64(r.Reactions))
	dst = appendBool(dst, 16, r.Pinned)
	dst = appendBool(dst, 17, r.MentionsRoom)
	dst = appendNum(dst, 18, uint64(r.Mentions))
	return append(dst, r.ProtoReflect().GetUnknown()...)
}

func appendNum(dst []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), n)
}

func appendBool(dst []byte, field protowire.Number, b bool) []byte {
	if !b {
		return dst
	}
	return appendNum(dst, field, 1)
}

func appendBin(dst []byte, field protowire.Number, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return protowire.AppendBytes(append(dst, byte(field<<3|protowire.Number(protowire.BytesType))), b)
}

func appendStr(dst []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	return protowire.AppendString(append(dst, byte(field<<3|protowire.Number(protowire.BytesType))), s)
}

// appendSent marshals the Result of a message that was sent, as sendResult composes it: kind is '@' or '#'.
func appendSent(dst []byte, r *internalv1.MessageRecord, kind byte, to string, seq uint64, clusterID []byte) []byte {
	var buf [1 + 10 + 3 + MaxUsernameBytes + 2*(1+10) + 2 + cursorTextBytes]byte
	b := appendNum(buf[:0], 1, r.Id)
	b = append(b, byte(2<<3|protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(len(to))+1)
	b = append(append(b, kind), to...)
	b = appendNum(b, 3, seq)
	b = appendNum(b, 4, uint64(r.TimeUnixMs))
	b = append(b, byte(5<<3|protowire.BytesType), cursorTextBytes)
	b = appendCursor(b, clusterID, position{index: r.EventIndex, ordinal: r.EventOrdinal})
	return protowire.AppendBytes(append(dst, byte(5<<3|protowire.BytesType)), b)
}

// send is a SendMessage command. What it was read from is the command's own memory.
type send struct{ request, session, conversation, text []byte }

// The fields of a SendMessage command.
const (
	fieldSend         protowire.Number = 15
	fieldConversation protowire.Number = 1
	fieldText         protowire.Number = 2
)

// parseSend reads a command that sends a message, in the one form that the protobuf package writes. It is false for all
// else.
func parseSend(cmd []byte) (c send, ok bool) {
	if c.request, cmd, ok = takeField(cmd, fieldRequestID); !ok {
		return c, false
	}
	if c.session, cmd, ok = takeField(cmd, fieldSession); !ok {
		return c, false
	}
	body, rest, ok := takeField(cmd, fieldSend)
	if !ok || len(rest) > 0 {
		return c, false
	}
	if c.conversation, body, ok = takeField(body, fieldConversation); !ok {
		return c, false
	}
	if c.text, body, ok = takeField(body, fieldText); !ok || len(body) > 0 {
		return c, false
	}
	return c, utf8.Valid(c.conversation) && utf8.Valid(c.text)
}

// takeField takes a field with a length off the front, if it is the one asked for and not empty.
func takeField(b []byte, field protowire.Number) (value, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != byte(field<<3|protowire.Number(protowire.BytesType)) {
		return nil, b, false
	}
	n, size := protowire.ConsumeVarint(b[1:])
	b = b[1:]
	if size < 0 || n == 0 || n > uint64(len(b)-size) {
		return nil, b, false
	}
	end := size + int(n)
	return b[size:end:end], b[end:], true
}
