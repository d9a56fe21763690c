package store

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/proto/internalv1"
)

// handWritten are the records that appendRecord writes by itself.
var handWritten = []proto.Message{
	&internalv1.MessageRecord{}, &internalv1.PlaceRecord{}, &internalv1.AnswerRecord{}, &internalv1.EventRecord{},
	&internalv1.ConversationRecord{}, &internalv1.MemberRecord{}, &internalv1.AccountRecord{}, &internalv1.GlobalsRecord{},
	&internalv1.AuthoredRecord{}, &internalv1.RoomMemberRecord{},
}

// Every field of every hand-written record, alone and together with the others, has the bytes that the protobuf package
// gives it: also one that is added to the schema later.
func TestRecordsHaveOneEncoding(t *testing.T) {
	same := func(r proto.Message) {
		t.Helper()
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
		got, gotErr := appendRecord(nil, r)
		if m, ok := r.(*internalv1.MessageRecord); ok && err == nil {
			got = appendMessageRecord(nil, m, []byte(m.GetText()))
		}
		if (err == nil) != (gotErr == nil) || !bytes.Equal(got, want) {
			t.Errorf("%T{%v}: %x, %v; want %x, %v", r, r, got, gotErr, want, err)
		}
	}
	for _, kind := range handWritten {
		fields := kind.ProtoReflect().Descriptor().Fields()
		all := kind.ProtoReflect().New()
		for i := range fields.Len() {
			f := fields.Get(i)
			for _, v := range valuesOf(f) {
				one := kind.ProtoReflect().New()
				one.Set(f, v)
				all.Set(f, v)
				same(one.Interface())
				same(all.Interface())
			}
		}
		all.SetUnknown([]byte{0xa0, 0x06, 0x01}) // of a program that comes later
		same(all.Interface())
	}
	same(&internalv1.MessageRecord{Id: 1, Text: "\xff"})
	same(&internalv1.AccountRecord{Username: "a", DisplayName: "\xff"})
	same(&internalv1.MemberRecord{ReadSeq: 1, Ranges: []uint64{3, 4, 1 << 40, 1<<40 + 1}, Unread: 2})
}

// The answer to a message that was sent is the same whether it is new or composed again.
func TestSentHasOneEncoding(t *testing.T) {
	for _, r := range []*internalv1.MessageRecord{
		{}, {Id: 1, TimeUnixMs: 1_764_000_000_000, EventIndex: 7, EventOrdinal: 300},
		{Id: math.MaxUint64, TimeUnixMs: -1, EventIndex: math.MaxUint64, EventOrdinal: math.MaxUint32},
	} {
		for _, to := range []string{"a", string(bytes.Repeat([]byte{'z'}, MaxUsernameBytes))} {
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(sendResult(r, "@"+to, r.GetId(), testCluster))
			if err != nil {
				t.Fatal(err)
			}
			if got := appendSent(nil, r, '@', to, r.GetId(), testCluster); !bytes.Equal(got, want) {
				t.Errorf("%x, want %x", got, want)
			}
		}
	}
}

func valuesOf(f protoreflect.FieldDescriptor) (vs []protoreflect.Value) {
	if f.IsList() {
		return nil
	}
	switch f.Kind() {
	case protoreflect.Uint64Kind:
		for _, n := range []uint64{0, 1, 127, 128, math.MaxUint64} {
			vs = append(vs, protoreflect.ValueOfUint64(n))
		}
	case protoreflect.Uint32Kind:
		for _, n := range []uint32{0, 1, 300, math.MaxUint32} {
			vs = append(vs, protoreflect.ValueOfUint32(n))
		}
	case protoreflect.Int64Kind:
		for _, n := range []int64{0, 1, 1 << 40, -1, math.MinInt64} {
			vs = append(vs, protoreflect.ValueOfInt64(n))
		}
	case protoreflect.EnumKind:
		for _, n := range []protoreflect.EnumNumber{0, 1, 200, -1} {
			vs = append(vs, protoreflect.ValueOfEnum(n))
		}
	case protoreflect.BoolKind:
		vs = append(vs, protoreflect.ValueOfBool(false), protoreflect.ValueOfBool(true))
	case protoreflect.StringKind:
		for _, s := range []string{"", "a", "é\n", string(make([]byte, 300))} {
			vs = append(vs, protoreflect.ValueOfString(s))
		}
	case protoreflect.BytesKind:
		for _, n := range []int{0, 1, 16, 200} {
			vs = append(vs, protoreflect.ValueOfBytes(bytes.Repeat([]byte{0xff}, n)))
		}
	default:
		panic("a field of a kind that the test does not know: " + f.Kind().String())
	}
	return vs
}

// FuzzParseSend: what parseSend reads, the protobuf package reads too, with the same fields and nothing beside them. Without
// that, two programs would carry out different commands.
func FuzzParseSend(f *testing.F) {
	whole, err := proto.Marshal(&internalv1.Command{
		RequestId: bytes.Repeat([]byte{7}, 16), Session: bytes.Repeat([]byte{8}, 32),
		Body: &internalv1.Command_SendMessage{SendMessage: &internalv1.SendMessage{Conversation: "@bob", Text: "hällo"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	if _, ok := parseSend(whole); !ok {
		f.Fatal("the usual form is not read")
	}
	f.Add(whole)
	f.Add(append(bytes.Clone(whole), whole...))
	f.Add(append(bytes.Clone(whole), 0x68, 1))
	f.Add(whole[:len(whole)-1])
	for i := range whole {
		other := bytes.Clone(whole)
		other[i] ^= 0x81
		f.Add(other)
	}
	f.Fuzz(func(t *testing.T, cmd []byte) {
		c, ok := parseSend(cmd)
		if !ok {
			return
		}
		var want internalv1.Command
		if err := proto.Unmarshal(cmd, &want); err != nil || hasUnknown(&want) || CommandVersion(cmd) != 1 {
			t.Fatalf("%x is read, but: %v", cmd, err)
		}
		b := want.GetSendMessage()
		if !bytes.Equal(c.request, want.GetRequestId()) || !bytes.Equal(c.session, want.GetSession()) ||
			string(c.conversation) != b.GetConversation() || string(c.text) != b.GetText() {
			t.Fatalf("%x is read as %q, want %v", cmd, c, &want)
		}
	})
}
