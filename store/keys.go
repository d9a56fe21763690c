package store

import (
	"encoding/binary"
	"fmt"
)

// Every key begins with its table's tag. Numbers are big-endian, so that byte order is their order. A tag is never
// reused.
const (
	tagGlobals      = 0x01 // -> GlobalsRecord
	tagAccount      = 0x02 // account -> AccountRecord
	tagAccountName  = 0x03 // name -> NumberRecord (account)
	tagSession      = 0x04 // SHA-256 of the token -> SessionRecord
	tagSessionOf    = 0x05 // account, session number -> TokenRecord
	tagConversation = 0x06 // conversation -> ConversationRecord
	tagDirect       = 0x08 // lower account, higher account -> NumberRecord (conversation)
	tagRoomName     = 0x09 // name without its # -> NumberRecord (conversation); an old name stays
	tagMember       = 0x0a // account, conversation -> MemberRecord
	tagRoomMember   = 0x0b // conversation, account -> RoomMemberRecord
	tagMessage      = 0x0c // conversation, seq -> MessageRecord
	tagPlace        = 0x0d // message id -> PlaceRecord
	tagHidden       = 0x0e // account, conversation, seq -> MarkRecord: the account hid another's message
	tagDead         = 0x0f // conversation, author or 0 in a room, seq -> MarkRecord: it was deleted for everyone
	tagAnswer       = 0x10 // account, request id -> AnswerRecord
	tagNamedAnswer  = 0x11 // name length, name, request id -> AnswerRecord
	tagExpiry       = 0x12 // unix ms, key of what expires -> MarkRecord
	tagConvEvent    = 0x14 // conversation, position -> EventRecord
	tagAccountEvent = 0x15 // account, position -> EventRecord
	tagErase        = 0x16 // account -> EraseRecord
	tagNode         = 0x18 // node id -> AnnounceMember
	tagAuthored     = 0x1a // room, author, seq -> AuthoredRecord
	tagMention      = 0x1b // account or 0 for all members, room, seq -> MarkRecord
	tagAnnotation   = 0x1c // kind, conversation, seq, value length, value, account -> AnnotationRecord
	tagThread       = 0x1d // conversation, first seq of the thread, seq of a reply -> MarkRecord
	tagEdit         = 0x1e // conversation, seq, number of the edit -> EditRecord
	tagBlock        = 0x1f // account, blocked account -> MarkRecord
	tagInvite       = 0x20 // SHA-256 of the code -> InviteRecord
	tagAudit        = 0x21 // number -> AuditRecord
	tagBot          = 0x22 // owner, bot -> MarkRecord
	tagLitter       = 0x23 // conversation, seq -> MarkRecord: a placeholder with earlier texts or reactions still there
	tagTrace        = 0x24 // account, room -> MarkRecord: it is no member, but was invited, or sent messages there
)

// maxKeyBytes is the longest key: an annotation. An expiry of a named answer comes next.
const maxKeyBytes = 1 + 3*8 + 1 + MaxReactionBytes + 8

// Position is where an event stands in the log: an entry's raft index and the event's number within the entry.
type position struct {
	index   uint64
	ordinal uint32
}

// maxOrdinal makes a position that stands after every event of its entry.
const maxOrdinal = ^uint32(0)

func (p position) less(q position) bool {
	return p.index < q.index || p.index == q.index && p.ordinal < q.ordinal
}

func appendU64s(dst []byte, tag byte, ns ...uint64) []byte {
	dst = append(dst, tag)
	for _, n := range ns {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return dst
}

func keyGlobals(dst []byte) []byte { return append(dst, tagGlobals) }

func keyAccount(dst []byte, account uint64) []byte { return appendU64s(dst, tagAccount, account) }

func keyAccountName(dst []byte, name string) []byte {
	return append(append(dst, tagAccountName), name...)
}

func keySession(dst []byte, token []byte) []byte { return append(append(dst, tagSession), token...) }

func keySessionOf(dst []byte, account, number uint64) []byte {
	return appendU64s(dst, tagSessionOf, account, number)
}

func keyConversation(dst []byte, conv uint64) []byte { return appendU64s(dst, tagConversation, conv) }

func keyDirect(dst []byte, low, high uint64) []byte { return appendU64s(dst, tagDirect, low, high) }

func keyMember(dst []byte, account, conv uint64) []byte {
	return appendU64s(dst, tagMember, account, conv)
}

func keyMessage(dst []byte, conv, seq uint64) []byte { return appendU64s(dst, tagMessage, conv, seq) }

func keyPlace(dst []byte, id uint64) []byte { return appendU64s(dst, tagPlace, id) }

func keyHidden(dst []byte, account, conv, seq uint64) []byte {
	return appendU64s(dst, tagHidden, account, conv, seq)
}

func keyDead(dst []byte, conv, author, seq uint64) []byte {
	return appendU64s(dst, tagDead, conv, author, seq)
}

func keyAnswer(dst []byte, account uint64, request []byte) []byte {
	return append(appendU64s(dst, tagAnswer, account), request...)
}

// keyNamedAnswer puts the name's length first: no name can then run into the request id.
func keyNamedAnswer(dst []byte, name string, request []byte) []byte {
	dst = append(dst, tagNamedAnswer, byte(len(name)))
	return append(append(dst, name...), request...)
}

func keyExpiry(dst []byte, unixMS int64, key []byte) []byte {
	return append(appendU64s(dst, tagExpiry, uint64(unixMS)), key...)
}

func keyConvEvent(dst []byte, conv uint64, p position) []byte {
	return binary.BigEndian.AppendUint32(appendU64s(dst, tagConvEvent, conv, p.index), p.ordinal)
}

func keyAccountEvent(dst []byte, account uint64, p position) []byte {
	return binary.BigEndian.AppendUint32(appendU64s(dst, tagAccountEvent, account, p.index), p.ordinal)
}

func keyErase(dst []byte, account uint64) []byte { return appendU64s(dst, tagErase, account) }

func keyRoomName(dst []byte, name string) []byte { return append(append(dst, tagRoomName), name...) }

func keyRoomMember(dst []byte, conv, account uint64) []byte {
	return appendU64s(dst, tagRoomMember, conv, account)
}

func keyAuthored(dst []byte, conv, author, seq uint64) []byte {
	return appendU64s(dst, tagAuthored, conv, author, seq)
}

func keyMention(dst []byte, account, conv, seq uint64) []byte {
	return appendU64s(dst, tagMention, account, conv, seq)
}

func keyTrace(dst []byte, account, conv uint64) []byte {
	return appendU64s(dst, tagTrace, account, conv)
}

// keyAnnotation puts the value's length first: no value can then run into the account.
func keyAnnotation(dst []byte, kind, conv, seq uint64, value string, account uint64) []byte {
	dst = append(appendU64s(dst, tagAnnotation, kind, conv, seq), byte(len(value)))
	return binary.BigEndian.AppendUint64(append(dst, value...), account)
}

// annotationOf reads value and account off an annotation's key.
func annotationOf(key []byte) (value []byte, account uint64) {
	n := len(key) - 8
	return key[1+3*8+1 : n], binary.BigEndian.Uint64(key[n:])
}

func keyThread(dst []byte, conv, first, seq uint64) []byte {
	return appendU64s(dst, tagThread, conv, first, seq)
}

func keyEdit(dst []byte, conv, seq, number uint64) []byte {
	return appendU64s(dst, tagEdit, conv, seq, number)
}

func keyLitter(dst []byte, conv, seq uint64) []byte { return appendU64s(dst, tagLitter, conv, seq) }

func keyBlock(dst []byte, account, other uint64) []byte {
	return appendU64s(dst, tagBlock, account, other)
}

func keyInvite(dst, code []byte) []byte { return append(append(dst, tagInvite), code...) }

func keyAudit(dst []byte, number uint64) []byte { return appendU64s(dst, tagAudit, number) }

func keyBot(dst []byte, owner, bot uint64) []byte { return appendU64s(dst, tagBot, owner, bot) }

func keyNode(dst []byte, id uint64) []byte { return appendU64s(dst, tagNode, id) }

// u64At reads the n-th number of a key.
func u64At(key []byte, n int) uint64 { return binary.BigEndian.Uint64(key[1+8*n:]) }

// eventPosition reads the position at the end of an event's key.
func eventPosition(key []byte) position {
	return position{index: u64At(key, 1), ordinal: binary.BigEndian.Uint32(key[17:])}
}

// prefixEnd is the first key after all that begin with the prefix; nil when there is none.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// describeKey names a key for a person.
func describeKey(key []byte) string {
	if len(key) == 0 {
		return "(empty)"
	}
	return fmt.Sprintf("table %#02x, %x", key[0], key[1:])
}
