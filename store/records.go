package store

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// message is a pointer to a generated message type.
type message[T any] interface {
	*T
	proto.Message
}

// load reads one record; nil when there is none.
func load[T any, P message[T]](l *layers, key []byte) (P, error) {
	value, ok, err := l.get(key)
	if err != nil || !ok {
		return nil, err
	}
	return decode[T, P](l, key, value)
}

// loadKept is load for the small records that most reads need again: who the caller is, what a name means, where two people
// talk. Of the disk's each is decoded once between two flushes, and shared by all views: nobody changes what it returns.
func loadKept[T any, P message[T]](l *layers, key []byte) (P, error) {
	if l.kept == nil {
		return load[T, P](l, key)
	}
	if value, gone, found := l.above(key); gone {
		return nil, nil
	} else if found {
		return decode[T, P](l, key, value)
	}
	if r, ok := l.kept.get(key).(P); ok {
		return r, nil
	}
	value, ok, err := l.below(key)
	if err != nil || !ok {
		return nil, err
	}
	r, err := decode[T, P](l, key, value)
	if err == nil && len(value) <= maxKeptBytes {
		l.kept.put(key, r)
	}
	return r, err
}

func decode[T any, P message[T]](l *layers, key, value []byte) (P, error) {
	r := P(new(T))
	if err := proto.Unmarshal(value, r); err != nil {
		return nil, l.locate(&ContradictionError{Key: append([]byte(nil), key...), Err: err})
	}
	return r, nil
}

// must turns a missing record into an error: another record points to it.
func must[P any](r *P, err error, what string, ns ...uint64) (*P, error) {
	if err == nil && r == nil {
		return nil, &ContradictionError{Err: fmt.Errorf("%w: %s %v", errMissing, what, ns)}
	}
	return r, err
}

var errMissing = errors.New("a record that another one points to is missing")

func (l *layers) account(id uint64) (*internalv1.AccountRecord, error) {
	r, err := loadKept[internalv1.AccountRecord](l, keyAccount(l.key(), id))
	return must(r, err, "account", id)
}

// accountID returns 0 when nobody has, or had, the name.
func (l *layers) accountID(name string) (uint64, error) {
	if len(name) > MaxUsernameBytes {
		return 0, nil
	}
	r, err := loadKept[internalv1.NumberRecord](l, keyAccountName(l.key(), name))
	return r.GetNumber(), err
}

func (l *layers) session(token []byte) (*internalv1.SessionRecord, error) {
	if len(token) != tokenBytes {
		return nil, nil
	}
	return loadKept[internalv1.SessionRecord](l, keySession(l.key(), token))
}

func (l *layers) conversation(id uint64) (*internalv1.ConversationRecord, error) {
	r, err := loadKept[internalv1.ConversationRecord](l, keyConversation(l.key(), id))
	return must(r, err, "conversation", id)
}

// direct returns the direct conversation of two accounts, 0 when they never talked.
func (l *layers) direct(a, b uint64) (uint64, error) {
	r, err := loadKept[internalv1.NumberRecord](l, keyDirect(l.key(), min(a, b), max(a, b)))
	return r.GetNumber(), err
}

func (l *layers) member(account, conv uint64) (*internalv1.MemberRecord, error) {
	return loadKept[internalv1.MemberRecord](l, keyMember(l.key(), account, conv))
}

// roomID returns the room that has, or had, a name without its #; 0 when there never was one.
func (l *layers) roomID(name string) (uint64, error) {
	if badName(name) != "" {
		return 0, nil
	}
	r, err := loadKept[internalv1.NumberRecord](l, keyRoomName(l.key(), name))
	return r.GetNumber(), err
}

// roomMember returns nil for an account that a room has no record of.
func (l *layers) roomMember(conv, account uint64) (*internalv1.RoomMemberRecord, error) {
	return loadKept[internalv1.RoomMemberRecord](l, keyRoomMember(l.key(), conv, account))
}

func (l *layers) message(conv, seq uint64) (*internalv1.MessageRecord, error) {
	r, err := load[internalv1.MessageRecord](l, keyMessage(l.key(), conv, seq))
	return must(r, err, "message", conv, seq)
}

func (l *layers) place(id uint64) (*internalv1.PlaceRecord, error) {
	return load[internalv1.PlaceRecord](l, keyPlace(l.key(), id))
}

// annotations walks over the annotations of one kind on a message, in the order of their values: short ones first.
func (l *layers) annotations(conv, seq uint64, kind internalv1.AnnotationKind) *iterator {
	lo := appendU64s(nil, tagAnnotation, uint64(kind), conv, seq)
	return l.scan(lo, prefixEnd(lo), false)
}

func (l *layers) has(key []byte) (bool, error) {
	_, ok, err := l.get(key)
	return ok, err
}
