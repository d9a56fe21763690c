package cache

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

var at = time.Date(2026, 11, 24, 14, 3, 12, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Cache {
	t.Helper()
	c, err := Open(dir, "alice", at)
	must(t, err)
	return c
}

func load(t *testing.T, c *Cache) common.Saved {
	t.Helper()
	s, err := c.Load()
	must(t, err)
	return s
}

func texts(s common.Saved) string {
	var out []string
	for _, o := range s.Outbox {
		out = append(out, o.Text)
	}
	return strings.Join(out, " ")
}

func message(i int) common.Outgoing {
	return common.Outgoing{
		ID: fmt.Sprintf("id-%d", i), Conversation: "@bob", Text: fmt.Sprintf("m%d", i), Written: at, Order: uint64(i), Cluster: "c1",
	}
}

// With PARLEY_CACHE_CHILD set the test binary puts messages into that directory's outbox until it is killed, and tells each
// one that is durable.
func TestMain(m *testing.M) {
	dir := os.Getenv("PARLEY_CACHE_CHILD")
	if dir == "" {
		os.Exit(m.Run())
	}
	c, err := Open(dir, "alice", at)
	if err != nil {
		panic(err)
	}
	for i := 1; i <= MaxOutbox; i++ {
		if err := c.Put(message(i)); err != nil {
			panic(err)
		}
		fmt.Println(i)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// Invariant 1: a client that is killed loses nothing of what Put returned from, whatever it was doing.
func TestKillKeepsTheOutbox(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "PARLEY_CACHE_CHILD="+dir)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	told := 0
	for lines := bufio.NewScanner(out); told < 25 && lines.Scan(); {
		told++
	}
	if _, err := Open(dir, "bob", at); err != nil {
		t.Errorf("another account is kept out: %v", err)
	}
	second := open(t, dir) // beside the first one
	if filepath.Base(second.path) != "alice.2.db" {
		t.Errorf("the second client uses %s", second.path)
	}
	must(t, second.Close())
	must(t, child.Process.Signal(syscall.SIGKILL))
	_ = child.Wait()

	s := load(t, open(t, dir))
	if len(s.Outbox) < told {
		t.Fatalf("%d messages were durable, %d are left", told, len(s.Outbox))
	}
	for i, o := range s.Outbox {
		if o != message(i+1) {
			t.Fatalf("message %d came back as %+v", i+1, o)
		}
	}
}

// Invariant 2: an outbox that nobody holds goes to whoever starts next, behind what that one has.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	first, second := open(t, dir), open(t, dir)
	must(t, first.Put(message(1)))
	must(t, second.Put(message(2)))
	must(t, second.Put(message(3)))
	must(t, second.Close()) // the window was closed and its outbox kept
	must(t, first.Close())

	c := open(t, dir)
	s := load(t, c)
	if got := texts(s); got != "m1 m2 m3" || len(s.Notes) != 1 {
		t.Errorf("the next client has %q and says %q", got, s.Notes)
	}
	must(t, c.Close())
	if got := texts(load(t, open(t, dir))); got != "m1 m2 m3" {
		t.Errorf("after another start it is %q", got)
	}
}

// A held outbox is left alone.
func TestAdoptNothingThatIsHeld(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	must(t, first.Put(message(1)))
	if got := texts(load(t, open(t, dir))); got != "" {
		t.Errorf("the second client took %q from the first", got)
	}
	if got := texts(load(t, first)); got != "m1" {
		t.Errorf("the first client is left with %q", got)
	}
	if _, err := OpenFile(first.path, at); !errors.Is(err, ErrBusy) {
		t.Errorf("opening a held file: %v, want ErrBusy", err)
	}
	for range maxSlots - 2 {
		open(t, dir)
	}
	if _, err := Open(dir, "alice", at); !errors.Is(err, ErrBusy) {
		t.Errorf("one client too many: %v, want ErrBusy", err)
	}
}

// Invariant 3: another cluster's history goes, the outbox and the drafts stay.
func TestAnotherCluster(t *testing.T) {
	c := open(t, t.TempDir())
	must(t, c.SetCluster("c1"))
	must(t, c.Put(message(1)))
	must(t, c.Save(history("@bob", 3)))
	must(t, c.SetCluster("c1"))
	if msgs, err := c.Messages("@bob"); err != nil || len(msgs) != 3 {
		t.Fatalf("the same cluster's history: %d messages, %v", len(msgs), err)
	}
	must(t, c.SetCluster("c2"))
	s := load(t, c)
	msgs, err := c.Messages("@bob")
	must(t, err)
	if len(msgs)+len(s.Conversations)+len(s.Positions)+len(s.Marks) > 0 || !s.At.IsZero() {
		t.Errorf("another cluster's history stayed: %v %+v", msgs, s)
	}
	if texts(s) != "m1" || s.Outbox[0].Cluster != "c1" || s.Drafts["@bob"] != "half" || s.Cluster != "c2" {
		t.Errorf("what is ours did not stay: %+v", s)
	}
}

func history(name string, n int) common.Changes {
	var msgs []*parleyv1.Message
	for i := 1; i <= n; i++ {
		msgs = append(msgs, &parleyv1.Message{Id: uint64(i), Conversation: name, Seq: uint64(i), Sender: "bob", Text: fmt.Sprint("text ", i)})
	}
	return common.Changes{
		Conversations: []*parleyv1.Conversation{{Name: name, LastSeq: uint64(n), Unread: 1}}, At: at,
		Messages: map[string][]*parleyv1.Message{name: msgs}, Drafts: map[string]string{name: "half"},
		Positions: map[string]common.Position{name: {Seq: 2, Row: -1}}, Marks: map[string][]common.SeqRange{name: {{From: 1, To: 2}}},
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	must(t, c.Save(history("@bob", MaxMessages+20)))
	must(t, c.Close())
	c = open(t, dir)
	s := load(t, c)
	if len(s.Conversations) != 1 || s.Conversations[0].GetUnread() != 1 || !s.At.Equal(at) || s.Drafts["@bob"] != "half" ||
		s.Positions["@bob"] != (common.Position{Seq: 2, Row: -1}) || s.Marks["@bob"][0] != (common.SeqRange{From: 1, To: 2}) {
		t.Errorf("came back as %+v", s)
	}
	msgs, err := c.Messages("@bob")
	must(t, err)
	if len(msgs) != MaxMessages || msgs[0].GetSeq() != 21 || msgs[len(msgs)-1].GetText() != "text 520" {
		t.Errorf("%d messages came back, from seq %d", len(msgs), msgs[0].GetSeq())
	}
	// A page that does not join on replaces; what is before a gap is not shown.
	must(t, c.Save(common.Changes{Messages: map[string][]*parleyv1.Message{"@bob": {{Seq: 600}, {Seq: 602}, {Seq: 603}}}}))
	if msgs, err = c.Messages("@bob"); err != nil || len(msgs) != 2 || msgs[0].GetSeq() != 602 {
		t.Errorf("around a gap came %v, %v", msgs, err)
	}
	must(t, c.Save(common.Changes{Drafts: map[string]string{"@bob": ""}, Positions: map[string]common.Position{"@bob": {}}, Marks: map[string][]common.SeqRange{"@bob": nil}}))
	if s = load(t, c); len(s.Drafts)+len(s.Positions)+len(s.Marks) > 0 || len(s.Conversations) != 1 {
		t.Errorf("what was emptied stayed: %+v", s)
	}
	// A conversation that left the list takes its history along.
	must(t, c.Save(common.Changes{Conversations: []*parleyv1.Conversation{{Name: "#ops"}}}))
	if msgs, err = c.Messages("@bob"); err != nil || len(msgs) > 0 {
		t.Errorf("of a conversation that is gone came %v, %v", msgs, err)
	}
}

// Nothing is written when nothing differs: a page that only ticks must not wear the disk out.
func TestSaveTheSameWritesNothing(t *testing.T) {
	c := open(t, t.TempDir())
	must(t, c.Save(history("@bob", 50)))
	before, err := os.ReadFile(c.path)
	must(t, err)
	must(t, c.Save(history("@bob", 50)))
	if after, err := os.ReadFile(c.path); err != nil || string(after) != string(before) {
		t.Errorf("saving the same again changed the file (%v)", err)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "cache")
	c := open(t, dir)
	for path, want := range map[string]fs.FileMode{dir: 0o700, c.path: 0o600, c.path + ".lock": 0o600} {
		st, err := os.Stat(path)
		must(t, err)
		if st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, st.Mode().Perm(), want)
		}
	}
	if _, err := Open(dir, "../alice", at); err == nil {
		t.Error("a name with a path in it was taken")
	}
}

// Invariant 4: whatever is damaged is set aside and said; the client starts.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"empty":       func([]byte) []byte { return nil },
		"text":        func([]byte) []byte { return []byte("this is no database") },
		"cut":         func(d []byte) []byte { return d[:len(d)/3] },
		"meta pages":  func(d []byte) []byte { clear(d[:8192]); return d },
		"other pages": func(d []byte) []byte { clear(d[8192:]); return d },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, dir)
			must(t, c.Put(message(1)))
			must(t, c.Save(history("@bob", 300)))
			must(t, c.Close())
			data, err := os.ReadFile(c.path)
			must(t, err)
			must(t, os.WriteFile(c.path, damage(data), 0o600))

			c = open(t, dir)
			s := load(t, c)
			aside, err := filepath.Glob(filepath.Join(dir, "alice.db.damaged-*"))
			must(t, err)
			if name == "empty" { // bbolt makes a new file of it: there was nothing
				return
			}
			if len(s.Notes) == 0 || len(aside) != 1 {
				t.Errorf("damage was passed over: notes %q, set aside %q", s.Notes, aside)
			}
			must(t, c.Put(message(2)))
		})
	}
}

// A file of a later release is neither read nor taken for damaged.
func TestUnknownFormat(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	must(t, c.Put(message(1)))
	must(t, c.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyFormat, []byte("2")) }))
	must(t, c.Close())
	if _, err := OpenFile(c.path, time.Now()); !errors.Is(err, ErrFormat) {
		t.Errorf("opened a file of format 2: %v, want ErrFormat", err)
	}
	if aside, err := filepath.Glob(filepath.Join(dir, "*damaged*")); err != nil || len(aside) > 0 {
		t.Errorf("it was set aside: %q, %v", aside, err)
	}
}

func TestOutboxHasAnEnd(t *testing.T) {
	c := open(t, t.TempDir())
	c.db.NoSync = true // what is tested is the bound
	for i := 1; i <= MaxOutbox; i++ {
		must(t, c.Put(message(i)))
	}
	if err := c.Put(message(MaxOutbox + 1)); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v, want ErrFull", err)
	}
	must(t, c.Put(message(7))) // a new state of one that is there
	must(t, c.Drop("id-1", "id-none"))
	must(t, c.Put(message(MaxOutbox+1)))
}

// Starting costs the list, not the histories: 100,000 messages wait on disk.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	c, err := Open(dir, "alice", at)
	if err != nil {
		b.Fatal(err)
	}
	all := common.Changes{Messages: map[string][]*parleyv1.Message{}}
	for i := range 200 {
		ch := history(fmt.Sprintf("@user%d", i), 500)
		all.Conversations = append(all.Conversations, ch.Conversations...)
		for name, msgs := range ch.Messages {
			all.Messages[name] = msgs
		}
	}
	if err := errors.Join(c.Save(all), c.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := Open(dir, "alice", at)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = c.Load(); err == nil {
			_, err = c.Messages("@user7")
		}
		if err = errors.Join(err, c.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// Erase leaves nothing of an account but what another client holds.
func TestErase(t *testing.T) {
	dir := t.TempDir()
	first, second := open(t, dir), open(t, dir)
	third := open(t, dir)
	must(t, third.Put(message(3)))
	must(t, third.Close())
	must(t, os.WriteFile(first.path+".damaged-7", []byte("x"), 0o600))
	other, err := Open(dir, "alice2", at)
	must(t, err)
	must(t, other.Close())
	must(t, first.Put(message(1)))
	must(t, second.Put(message(2)))
	must(t, first.Erase())
	left, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	must(t, err)
	var got []string
	for _, p := range left {
		if !strings.HasSuffix(p, ".lock") {
			got = append(got, filepath.Base(p))
		}
	}
	if strings.Join(got, " ") != "alice.2.db alice2.db" {
		t.Errorf("left: %v", got)
	}
	must(t, second.Close())
	again := open(t, dir)
	if s := texts(load(t, again)); s != "m2" {
		t.Errorf("the outbox of the client that went on is %q", s)
	}
	must(t, again.Close())
}
