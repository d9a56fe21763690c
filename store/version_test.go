package store

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// A command without a row could reach a node that does not know it.
func TestEveryCommandHasAVersion(t *testing.T) {
	fields := commandBody.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		c := new(internalv1.Command)
		c.RequestId, c.Session = []byte("0123456789abcdef"), []byte("token")
		m := c.ProtoReflect()
		m.Set(f, m.NewField(f))
		b, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if v := CommandVersion(b); v == 0 || v > MaxClusterVersion {
			t.Errorf("%s (field %d): version %d; give it a row in commandVersions, with a cluster version above every "+
				"released one's", f.Name(), f.Number(), v)
		}
	}
}

func TestCommandVersion(t *testing.T) {
	field := func(n protowire.Number) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), []byte("x"))
	}
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, c := range []struct {
		name string
		cmd  []byte
		want uint32
	}{
		{"a message", join(field(1), field(2), field(15)), 1},
		{"a change of members", join(field(1), field(2), field(55)), 2},
		{"the highest of two", join(field(55), field(15)), 2},
		{"nothing", nil, UnknownCommand},
		{"no body", join(field(1), field(2)), UnknownCommand},
		{"an unknown body", join(field(1), field(99)), UnknownCommand},
		{"an unknown field beside a known body", join(field(15), field(3)), UnknownCommand},
		{"a cut tag", []byte{0xff}, UnknownCommand},
		{"a cut field", field(15)[:2], UnknownCommand},
	} {
		if v := CommandVersion(c.cmd); v != c.want {
			t.Errorf("%s: version %d, want %d", c.name, v, c.want)
		}
	}
}

func announce(id uint64, version uint32) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
		Id: id, Name: "n", Incarnation: []byte("0123456789abcdef"), Boot: 1, MaxClusterVersion: version}}}
}

func raise(version uint32) *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
		RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: version}}}
}

// The version never falls, and never passes what a member's record announces, whatever a leader proposes.
func TestClusterVersionRises(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	want := func(version uint32) {
		t.Helper()
		if v := s.ClusterVersion(); v != version {
			t.Fatalf("cluster version %d, want %d", v, version)
		}
	}
	want(1)
	r.ok(announce(1, MaxClusterVersion))
	r.ok(announce(2, 1))
	r.refused(raise(2), internalv1.Reason_REASON_NOT_ALLOWED)
	want(1)
	again := announce(2, MaxClusterVersion)
	again.GetAnnounceMember().Boot = 2
	r.ok(again)
	r.ok(raise(2))
	want(2)
	r.ok(raise(1))
	want(2)
	back := announce(2, 1)
	back.GetAnnounceMember().Boot = 3
	r.refused(back, internalv1.Reason_REASON_NOT_ALLOWED)
}

// A program that is older than the state says so when it opens it, and changes nothing.
func TestOpenRefusesANewerClusterVersion(t *testing.T) {
	s, d := memStore(t, Options{})
	s.machine.globals.ClusterVersion = MaxClusterVersion + 1
	s.machine.globalsDirty = true
	if _, err := s.Apply([]Entry{{Index: 2, Term: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err := OpenDisk(d.Clone(), Options{Manual: true})
	if !errors.Is(err, errUnknownCommand) || !strings.Contains(err.Error(), "upgrade this node") {
		t.Fatalf("opened, or refused with: %v", err)
	}
}
