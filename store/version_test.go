package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

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

// forgetCommands makes this program one of cluster version 1 until remember is called.
func forgetCommands() (remember func()) {
	kept := commandVersions
	for i, v := range commandVersions {
		if v > 1 {
			commandVersions[i] = 0
		}
	}
	return func() { commandVersions = kept }
}

// A program that meets a command that it does not know stops before it, says which and what to do, does the same at the next
// start, and loses nothing: a program that knows the command goes on from there.
func TestAnUnknownCommandStopsUntilTheUpgrade(t *testing.T) {
	s, d := memStore(t, Options{})
	r := newRig(t, s)
	r.people("ann", "bob")
	r.ok(announce(1, MaxClusterVersion))
	r.ok(raise(2))
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	at := s.Applied()
	c := changeMembers(1, adds("n4"))
	c.GetChangeMembers().Configured = []uint64{1}
	change, err := proto.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	es := []Entry{
		{Index: at + 1, Term: 1, StampMS: startMS + 1},
		{Index: at + 2, Term: 1, StampMS: startMS + 2, Commands: [][]byte{change}},
	}
	remember := forgetCommands()
	defer remember()
	for start := range 2 {
		old, err := OpenDisk(d.Clone(), Options{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = old.Apply(es)
		for _, want := range []string{fmt.Sprintf("index %d", at+2), "field 55", "upgrade this node", "nothing is lost"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("start %d: want %q in what it says, got: %v", start, want, err)
			}
		}
		if old.Applied() != at || old.Flushed().Index != at {
			t.Errorf("start %d: applied %d, flushed %d, want %d", start, old.Applied(), old.Flushed().Index, at)
		}
		if _, err := old.Apply(es); err == nil {
			t.Errorf("start %d: it went on", start)
		}
	}
	remember()
	upgraded, err := OpenDisk(d.Clone(), Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	res, err := upgraded.Apply(es)
	if err != nil {
		t.Fatal(err)
	}
	if answer := show(res[1][0]); !strings.Contains(answer, "added:") {
		t.Fatalf("after the upgrade: %s", answer)
	}
}

// What no leader proposes is refused by every program that knows it, and changes nothing.
func TestApplyRefusesAboveTheClusterVersion(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.refused(changeMembers(1, adds("n4")), internalv1.Reason_REASON_CLUSTER_VERSION_TOO_LOW)
	if ms := membersOf(t, s); len(ms) != 0 {
		t.Fatalf("members %v", ms)
	}
}

// A file that a later program wrote is refused by name wherever it comes from, and is not called damaged: a damaged one is
// replaced, this one must not be.
func TestUnknownFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	mine, later, version := filepath.Join(dir, "mine"), filepath.Join(dir, "later"), filepath.Join(dir, "version")
	for _, path := range []string{mine, later, version} {
		if err := Create(path, testCluster, Mark{Index: 1, Term: 1}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := openBolt(later, false)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := encodeMeta(&internalv1.FlushRecord{
		Format: format + 1, ClusterId: testCluster, Index: 2, Term: 1, Hash: make([]byte, hashBytes),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Commit(Batch{Meta: meta}), d.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := Open(version, Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	s.machine.globals.ClusterVersion = MaxClusterVersion + 1
	s.machine.globalsDirty = true
	if _, err := s.Apply([]Entry{{Index: 2, Term: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s, err = Open(mine, Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, path := range []string{later, version} {
		_, openErr := Open(path, Options{})
		_, _, inspectErr := Inspect(path)
		_, installErr := s.Install(path)
		for what, err := range map[string]error{"Open": openErr, "Inspect": inspectErr, "Install": installErr} {
			damage := new(DamageError)
			if err == nil || !strings.Contains(err.Error(), "upgrade this node") || errors.As(err, &damage) {
				t.Errorf("%s of %s: %v", what, filepath.Base(path), err)
			}
		}
	}
	if _, err := s.Apply([]Entry{{Index: 2, Term: 1}}); err != nil {
		t.Errorf("a refused file must not stop the store: %v", err)
	}
}

// commandFields are the fields of each command, as the programs know them that know its version. A program stops at a field that
// it does not know, so a field is added together with a cluster version, or it is set in commands of a later version only.
var commandFields = map[string]string{
	"Annotate":            "1 2 3 4",
	"AnnounceMember":      "1 2 3 4 5 6 7 8 9 10 11", // 10 and 11 in the record only, never in a command
	"ChangeMembers":       "1 2 3 4 5",
	"ChangeMembers.Add":   "1 2 3 4",
	"ChangePassword":      "1 2",
	"Command":             "1 2 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 30 31 32 33 34 35 36 37 38 39 50 51 52 53 54 55 56",
	"CreateBot":           "1 2 3 4",
	"CreateInvite":        "1 2 3 4",
	"CreateRoom":          "1 2 3",
	"CreateUser":          "1 2 3",
	"DeleteBot":           "1",
	"DeleteMessages":      "1",
	"DeleteUser":          "1",
	"EditMessage":         "1 2",
	"Login":               "1 2 3 4",
	"MarkRead":            "1",
	"MarkRead.Range":      "1 2 3",
	"PostMessage":         "1 2 3",
	"RaiseClusterVersion": "1",
	"RegisterUser":        "1 2 3 4 5",
	"RemoveUser":          "1 2",
	"ResetPassword":       "1 2 3",
	"RevokeInvite":        "1 2",
	"RevokeSession":       "1",
	"SendMessage":         "1 2",
	"SetBlock":            "1 2",
	"SetMembership":       "1 2 3",
	"SetMute":             "1 2",
	"SetOperator":         "1 2 3",
	"SetReadMark":         "1 2",
	"SuspendUser":         "1 2 3",
	"UpdateProfile":       "1 2",
	"UpdateRoom":          "1 2 3 4 5 6 7",
	"UpdateSettings":      "1 2 3",
}

// A new field of an old command would stop older members as a new command would, past the table of versions.
func TestCommandsDoNotGrow(t *testing.T) {
	seen := map[string]string{}
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		name := strings.TrimPrefix(string(m.FullName()), "parley.internal.v1.")
		if _, ok := seen[name]; ok {
			return
		}
		var numbers []string
		fields := m.Fields()
		seen[name] = ""
		for i := range fields.Len() {
			numbers = append(numbers, fmt.Sprint(fields.Get(i).Number()))
			if sub := fields.Get(i).Message(); sub != nil {
				walk(sub)
			}
		}
		seen[name] = strings.Join(numbers, " ")
	}
	walk((&internalv1.Command{}).ProtoReflect().Descriptor())
	for name, fields := range seen {
		if commandFields[name] != fields {
			t.Errorf("%q: %q, was %q", name, fields, commandFields[name])
		}
	}
}
