package api

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// What is read by hand is what the generated code reads; what is not a send's result as this version knows it is left to it.
func TestReadSentIsTheGeneratedOne(t *testing.T) {
	for _, m := range []*internalv1.SendResult{
		{},
		{Id: 1 << 63, Conversation: "@bob", Seq: 7, TimeUnixMs: 1_764_000_000_123, Cursor: "c"},
		{Conversation: "#a", TimeUnixMs: -1},
	} {
		b, err := proto.Marshal(&internalv1.Result{Outcome: &internalv1.Result_Send{Send: m}})
		must(t, err)
		a := new(sentAnswer)
		if !a.readSent(b) {
			t.Errorf("%v: not read", m)
			continue
		}
		r := &a.resp
		if r.Id != m.Id || r.Conversation != m.Conversation || r.Seq != m.Seq || r.Cursor != m.Cursor ||
			r.Time.AsTime().UnixMilli() != m.TimeUnixMs || r.Time.CheckValid() != nil {
			t.Errorf("%v was read as %v", m, r)
		}
		for cut := range len(b) {
			if a := new(sentAnswer); cut > 0 && a.readSent(b[:cut]) {
				t.Errorf("%v: its first %d of %d bytes were read as %v", m, cut, len(b), &a.resp)
			}
		}
	}
	later := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	refused, err := proto.Marshal(&internalv1.Result{Outcome: &internalv1.Result_Refusal{Refusal: &internalv1.Refusal{}}})
	must(t, err)
	for what, b := range map[string][]byte{
		"nothing": nil, "a refusal": refused,
		"a field of a later version": protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), later),
	} {
		if a := new(sentAnswer); a.readSent(b) || a.resp.Time != nil {
			t.Errorf("%s was read as %v", what, &a.resp)
		}
	}
}
