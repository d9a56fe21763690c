package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

var newCluster = []byte("another-cluster!")

func birth(end bool) Birth {
	return Birth{
		ClusterID: newCluster, ConfState: []byte{1, 2, 3}, EndSessions: end,
		Member: &internalv1.AnnounceMember{Id: 7, Name: "n7", Incarnation: []byte("incarnation-0007"), PeerAddress: "h:1"},
	}
}

// livedIn is a closed store file in which two people talked, one logged out, and three members were recorded.
func livedIn(t *testing.T) (path string, r *rig, send, logout *internalv1.Command) {
	t.Helper()
	s, path := fileStore(t, Options{Manual: true})
	r = newRig(t, s)
	r.people("ann", "bob", "cid")
	for id := uint64(1); id <= 3; id++ {
		r.ok(&internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
			Id: id, Name: "n", Incarnation: bytes.Repeat([]byte{byte(id)}, 16), Boot: 1,
		}}})
	}
	send = r.sendCmd("ann", "@bob", "first")
	r.ok(send)
	r.send("bob", "@ann", "second")
	r.ok(r.markCmd("ann", "@bob", 1, 2))
	logout = r.logoutCmd("cid")
	r.ok(logout)
	r.ok(hashCmd())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, r, send, logout
}

func reopen(t *testing.T, r *rig, path string) {
	t.Helper()
	s, err := Open(path, Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r.s = s
}

// A reborn store goes on where it stood: index, messages, answers and read marks stay, its hash is right, and everything
// that belonged to the old cluster is gone.
func TestRebirth(t *testing.T) {
	path, r, send, logout := livedIn(t)
	before, err := Describe(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := Rebirth(path, birth(true))
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(path); err != nil {
		t.Fatalf("verify: %v", err)
	}
	if again, err := Describe(path); err != nil || !bytes.Equal(again.Hash, info.Hash) || !bytes.Equal(again.ClusterID, newCluster) ||
		again.Index != before.Index || again.Term != before.Term || !bytes.Equal(again.ConfState, []byte{1, 2, 3}) {
		t.Fatalf("described as %+v, %v", again, err)
	}
	reopen(t, r, path)
	if ms := membersOf(t, r.s); len(ms) != 1 || !proto.Equal(ms[0], birth(true).Member) {
		t.Fatalf("members %v", ms)
	}
	v := r.view()
	if _, err := v.Session(token("ann")); !errors.Is(err, ErrNoSession) {
		t.Errorf("the old session: %v", err)
	}
	v.Close()
	for table, want := range map[byte]int{tagSession: 1, tagSessionOf: 0, tagNode: 1, tagMessage: 2} {
		if n := countTable(t, r.s, table); n != want {
			t.Errorf("table %#x has %d keys, want %d", table, n, want)
		}
	}
	// The answer to the request that ended a session stays, as every other answer does.
	r.ok(logout)
	r.refused(r.logoutCmd("cid"), internalv1.Reason_REASON_SESSION_INVALID)
	r.ok(r.loginCmd("ann", "ann again", 1))
	retry := proto.CloneOf(send)
	retry.Session = token("ann again")
	if got := r.ok(retry).GetSend(); got.GetSeq() != 1 {
		t.Errorf("the retry of an old request: %v", got)
	}
	if lines := r.read("ann again", MessageQuery{}); len(lines) != 2 || lines[1] != "@bob 2 bob: second" {
		t.Errorf("read %q", lines)
	}
	if v, s := r.as("ann again"); s.ID == "1" {
		t.Error("the number of an ended session was given out again")
	} else {
		v.Close()
	}
	m, recorded, computed, err := r.s.RecomputeHash()
	if err != nil || !bytes.Equal(recorded, computed) {
		t.Errorf("hash at %d: recorded %x, computed %x, %v", m.Index, recorded, computed, err)
	}
}

// Without EndSessions nobody is logged out.
func TestRebirthKeepsSessions(t *testing.T) {
	path, r, _, _ := livedIn(t)
	b := birth(false)
	b.Member.Id = 2
	if _, err := Rebirth(path, b); err != nil {
		t.Fatal(err)
	}
	if err := Verify(path); err != nil {
		t.Fatal(err)
	}
	reopen(t, r, path)
	v, _ := r.as("bob")
	v.Close()
	w, err := r.s.Watch(WatchOptions{Session: token("bob"), Cursor: encodeCursor(testCluster, position{index: 3})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, reset := w.Start(); reset != "the cursor is from another cluster" {
		t.Errorf("a cursor of the old cluster: reset %q", reset)
	}
	r.send("bob", "@ann", "third")
	if last := r.s.LastMember(); last != 3 {
		t.Errorf("node ids were given out up to 3, the next one follows %d", last)
	}
}

// A rebirth that is refused changes nothing, and so does one of a file that somebody has open.
func TestRebirthRefused(t *testing.T) {
	path, _, _, _ := livedIn(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	short := birth(true)
	short.ClusterID = short.ClusterID[:8]
	nobody := birth(true)
	nobody.Member = nil
	for _, b := range []Birth{short, nobody} {
		if _, err := Rebirth(path, b); err == nil {
			t.Errorf("reborn as %+v", b)
		}
	}
	if _, err := Rebirth(path+".none", birth(true)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed, %v", err)
	}
}

// A copy holds the same state, whatever the batches it was written in.
func TestCopy(t *testing.T) {
	path, _, _, _ := livedIn(t)
	dst := filepath.Join(t.TempDir(), "copy.db")
	if err := Copy(path, dst); err != nil {
		t.Fatal(err)
	}
	a, err := Describe(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Describe(dst)
	if err != nil || !bytes.Equal(a.Hash, b.Hash) || a.Index != b.Index || !bytes.Equal(a.ClusterID, b.ClusterID) {
		t.Fatalf("%+v became %+v, %v", a, b, err)
	}
	if err := Verify(dst); err != nil {
		t.Fatal(err)
	}
	if err := Copy(path, dst); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
}

// A damaged file is not copied: what is in the copy passed every check, or there is no copy. The file is a spooled one: in
// one that was written to, a damaged meta page brings the state before the last flush back, which is a whole one too.
func TestCopyOfDamagedFile(t *testing.T) {
	path, r, _, _ := livedIn(t)
	reopen(t, r, path)
	path = filepath.Join(t.TempDir(), "spool.db")
	if _, _, err := r.s.Spool(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Describe(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 0; at < len(good); at += 97 {
		bad := bytes.Clone(good)
		bad[at] ^= 0x20
		src, dst := filepath.Join(t.TempDir(), "bad.db"), filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(src, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Copy(src, dst); err != nil {
			refused++
			if _, err := os.Stat(dst); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("byte %d: refused, and left a file: %v", at, err)
			}
			continue
		}
		if got, err := Describe(dst); err != nil || !bytes.Equal(got.Hash, want.Hash) {
			t.Fatalf("byte %d: copied as %+v, %v", at, got, err)
		}
		if err := Verify(dst); err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	if refused == 0 {
		t.Fatal("no damage was noticed")
	}
}
