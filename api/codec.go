package api

import (
	"bytes"
	"crypto/rand"
	"unicode/utf8"

	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/proto/parleyv1"
)

// codec is gRPC's protobuf codec, except that a request which does not decode still reaches the interceptors, marked.
// gRPC itself would answer INTERNAL, before any interceptor runs; but bad bytes, such as text that is not UTF-8, are
// the caller's mistake and get INVALID_ARGUMENT naming the field.
type codec struct{ encoding.CodecV2 }

func newCodec() encoding.CodecV2 { return codec{encoding.GetCodecV2(grpcproto.Name)} }

// markNumber is a field number that no message of ours uses; markNonce keeps a client from sending the mark itself.
const markNumber = protowire.Number(536870911)

var markNonce = func() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return b
}()

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok || m.ProtoReflect().Descriptor().ParentFile().Package() != "parley.v1" {
		return err
	}
	raw := data.Materialize()
	if f, ok := v.(*parleyv1.SendMessagesRequest); ok && sendsOneByOne(raw, f) {
		return nil
	}
	markMalformed(raw, m)
	return nil
}

// sendsOneByOne decodes a frame of sends so that one that does not decode hurts no other: it is marked, and keeps its
// request id. False: the frame itself is not one.
func sendsOneByOne(b []byte, f *parleyv1.SendMessagesRequest) bool {
	proto.Reset(f)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return false
		}
		if num == sendsField && typ == protowire.BytesType {
			_, _, k := protowire.ConsumeTag(b)
			one, _ := protowire.ConsumeBytes(b[k:])
			r := new(parleyv1.SendMessageRequest)
			if proto.Unmarshal(one, r) != nil {
				markMalformed(one, r)
				r.RequestId = firstString(one, requestIDField)
			}
			f.Sends = append(f.Sends, r)
		}
		b = b[n:]
	}
	return true
}

// The numbers of SendMessagesRequest.sends and SendMessageRequest.request_id.
const (
	sendsField     = protowire.Number(1)
	requestIDField = protowire.Number(1)
)

// firstString is a string field of a message that does not decode; empty when it cannot be told.
func firstString(b []byte, field protowire.Number) string {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return ""
		}
		if num == field && typ == protowire.BytesType {
			_, _, k := protowire.ConsumeTag(b)
			if v, _ := protowire.ConsumeString(b[k:]); utf8.ValidString(v) {
				return v
			}
			return ""
		}
		b = b[n:]
	}
	return ""
}

// markMalformed makes m the mark of a request that did not decode from these bytes.
func markMalformed(raw []byte, m proto.Message) {
	field := badUTF8(raw, m.ProtoReflect().Descriptor())
	proto.Reset(m)
	mark := protowire.AppendTag(nil, markNumber, protowire.BytesType)
	mark = protowire.AppendBytes(mark, append(bytes.Clone(markNonce), field...))
	m.ProtoReflect().SetUnknown(mark)
}

// malformed returns the refusal for a request that did not decode; nil for all others.
func malformed(req any) error {
	m, ok := req.(proto.Message)
	if !ok {
		return nil
	}
	num, _, n := protowire.ConsumeTag(m.ProtoReflect().GetUnknown())
	if n < 0 || num != markNumber {
		return nil
	}
	body, k := protowire.ConsumeBytes(m.ProtoReflect().GetUnknown()[n:])
	if k < 0 || !bytes.HasPrefix(body, markNonce) {
		return nil
	}
	if field := string(body[len(markNonce):]); field != "" {
		return invalid(violation{field, "must be UTF-8"})
	}
	return invalid(violation{"request", "is not a valid message of this method"})
}

// badUTF8 names the first string field of the message, at any depth, that is not UTF-8.
func badUTF8(b []byte, d protoreflect.MessageDescriptor) string {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return ""
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return ""
		}
		if fd := d.Fields().ByNumber(num); fd != nil && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			switch {
			case fd.Kind() == protoreflect.StringKind && !utf8.Valid(v):
				return string(fd.Name())
			case fd.Kind() == protoreflect.MessageKind:
				if inner := badUTF8(v, fd.Message()); inner != "" {
					return string(fd.Name()) + "." + inner
				}
			}
		}
		b = b[n:]
	}
	return ""
}
