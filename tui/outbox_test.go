package tui

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/tui/cache"
	"parley/tui/common"
)

// stored gives the client a real cache in dir, and counts what its outbox holds.
func stored(dir string, held *shelf) func(*fake) {
	return func(f *fake) {
		deploys(f)
		f.openStore = func(user string) (common.Store, error) {
			c, err := cache.Open(dir, user, f.now())
			held.Store = c
			return held, err
		}
	}
}

// shelf is a store that tells from outside which ids its outbox holds.
type shelf struct {
	common.Store
	mu    sync.Mutex
	ids   map[string]bool
	draft string
}

func (s *shelf) Load() (common.Saved, error) {
	saved, err := s.Store.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = map[string]bool{}
	for _, o := range saved.Outbox {
		s.ids[o.ID] = true
	}
	return saved, err
}

func (s *shelf) Put(o common.Outgoing) error {
	err := s.Store.Put(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[o.ID] = err == nil
	return err
}

func (s *shelf) Drop(ids ...string) error {
	err := s.Store.Drop(ids...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.ids, id)
	}
	return err
}

// holds reports whether the outbox on disk has n messages; -1 before it was read.
func (s *shelf) holds(n int) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.ids != nil && len(s.ids) == n
	}
}

// offline is a link on which nothing goes.
func offline() common.Link {
	return common.Link{Phase: common.Offline, Members: members()}
}

// inCluster is a healthy link of the cluster with this id.
func inCluster(id string) common.Link {
	l := ready("n1", "n1", 7)
	l.ClusterID = id
	return l
}

// onDisk is the outbox as the next start would find it.
func onDisk(t *testing.T, dir string) (out []common.Outgoing) {
	t.Helper()
	c, err := cache.Open(dir, "alice", epoch)
	must(t, err)
	defer func() { must(t, c.Close()) }()
	s, err := c.Load()
	must(t, err)
	return s.Outbox
}

// set changes how the fake behaves from now on.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// row awaits a message with its sign, whoever's name stands between.
func (x *harness) row(sign, text string) {
	x.t.Helper()
	want := regexp.MustCompile(regexp.QuoteMeta(sign) + ` +(alice +)?` + text)
	x.await("to see "+sign+" "+text, func() bool { return want.MatchString(x.screen()) })
}

func sent(f *fake) (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.msgs {
		if m.GetSender() == f.me {
			out = append(out, m.GetText())
		}
	}
	return out
}

// What is written offline is on disk, outlives the client, and is sent by the next one: in order, once, under the same ids.
func TestFeatureOfflineOutbox(t *testing.T) {
	dir, disk := t.TempDir(), &shelf{}
	down := func(f *fake) {
		stored(dir, disk)(f)
		f.link, f.fail = offline(), common.Failure{Outcome: common.NotApplied, Text: "no node answers"}
	}
	x := start(t, 80, 24, down)
	x.await("the store", disk.holds(0))
	x.typed("/msg @bob one")
	x.keys("enter")
	x.see("· alice  one")
	for _, text := range []string{"two", "three"} {
		x.typed(text)
		x.keys("enter")
	}
	x.see("· alice  one", "two", "three", "queued")
	x.golden("outbox-offline-80x24")
	x.await("three messages on disk", disk.holds(3))
	if n := len(x.fake.tries()); n != 0 {
		t.Fatalf("%d tries without a node", n)
	}
	x.app.page.Close()
	saved := onDisk(t, dir)
	var ids, texts []string
	for _, o := range saved {
		ids, texts = append(ids, o.ID), append(texts, o.Text)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(texts, want) {
		t.Fatalf("on disk are %q, want %q", texts, want)
	}

	y := start(t, 80, 24, stored(dir, disk))
	y.see("✓ alice  one", "two", "three")
	y.await("the verdicts", func() bool { return len(y.fake.tries()) == 3 && disk.holds(0)() })
	if got := sent(y.fake); !slices.Equal(got[len(got)-3:], texts) {
		t.Errorf("sent %q, want %q", got, texts)
	}
	if got := y.fake.tries(); !slices.Equal(got, ids) {
		t.Errorf("request ids %q, want the ones of the first run, %q", got, ids)
	}
	y.await("an empty outbox", disk.holds(0))
	y.app.page.Close()
	if left := onDisk(t, dir); len(left) != 0 {
		t.Errorf("the outbox still holds %v", left)
	}
}

// The five states of a message, each on the screen: a sign, and words where there is something to say.
func TestFeatureSendStatePerMessage(t *testing.T) {
	disk := &shelf{}
	x := start(t, 80, 24, stored(t.TempDir(), disk))
	x.open("@bob")
	x.await("the store", disk.holds(0))
	send := func(text string) { x.typed(text); x.keys("enter") }

	hold := make(chan struct{})
	x.fake.set(func() { x.fake.hold = hold })
	send("on its way")
	x.see("… alice  on its way")
	send("behind it")
	x.see("·        behind it")
	x.golden("states-sending-queued-80x24")
	x.advance(42 * time.Second)
	x.see("sending · 42 s")

	// The link breaks under the first: its outcome is unknown, and the second still waits behind it.
	x.fake.setLink(common.Link{Phase: common.FailingOver, Node: "n1", Members: members("n2", "n3")})
	x.row("?", "on its way")
	x.row("·", "behind it")
	x.see("outcome unknown")
	x.fake.setLink(ready("n2", "n2", 8))
	x.fake.set(func() { x.fake.hold = nil })
	close(hold)
	x.row("✓", "on its way")
	x.row("✓", "behind it")

	// A verdict of no does not hold back what comes later.
	x.fake.set(func() { x.fake.sendErr = []error{common.Failure{Text: "too long", Hint: "make it shorter"}} })
	send("no way")
	x.row("✗", "no way")
	x.see("rejected: too long (make it shorter)")
	send("goes through")
	x.row("✓", "goes through")
	x.row("✗", "no way")
	x.await("the rejected one alone on disk", disk.holds(1))
	x.keys("f4")
	x.see("Outbox · 1", "✗ @bob", "no way", "rejected: too long")
	x.golden("outbox-rejected-80x24")
	x.keys("r")
	x.see("Nothing waits")
	x.keys("esc")
	x.row("✓", "no way")
	x.await("nothing on disk", disk.holds(0))
}

// What waited ten minutes is not sent before a person said so; asked is once, and not under typing hands.
func TestStaleIsAsked(t *testing.T) {
	disk := &shelf{}
	x := start(t, 80, 24, func(f *fake) {
		stored(t.TempDir(), disk)(f)
		f.link = offline()
	})
	x.open("@bob")
	x.await("the store", disk.holds(0))
	for _, text := range []string{"lunch?", "at noon"} {
		x.typed(text)
		x.keys("enter")
	}
	x.await("both on disk", disk.holds(2))
	x.advance(11 * time.Minute)
	x.typed("half a")
	x.fake.setLink(inCluster("c1"))
	x.see("READY", "waits for your word")
	if n := len(x.fake.tries()); n != 0 {
		t.Fatalf("%d tries without a word", n)
	}
	if s := x.screen(); strings.Contains(s, "Still send") {
		t.Fatalf("asked under typing hands:\n%s", s)
	}
	x.keys("ctrl+c")
	x.advance(3 * time.Second)
	x.see("Still send this to @bob?", "“lunch?” and 1 more", "s send", "k keep", "D discard")
	x.keys("k")
	x.see("kept")
	x.typed("now")
	x.keys("enter")
	x.advance(3 * time.Second)
	x.see("Still send this to @bob?")
	x.keys("s")
	x.see("✓ alice  lunch?", "✓        at noon", "now")
	x.await("an empty outbox", disk.holds(0))
	if got := sent(x.fake); !slices.Equal(got[len(got)-3:], []string{"lunch?", "at noon", "now"}) {
		t.Errorf("sent %q", got)
	}
}

// Quitting asks what becomes of what waits.
func TestQuitAsksAboutTheOutbox(t *testing.T) {
	for key, left := range map[string]int{"k": 1, "D": 0} {
		disk, dir := &shelf{}, t.TempDir()
		x := start(t, 80, 24, func(f *fake) {
			stored(dir, disk)(f)
			f.link = offline()
		})
		x.open("@bob")
		x.typed("later")
		x.keys("enter")
		x.await("it on disk", disk.holds(1))
		x.keys("ctrl+q")
		x.see("Quit?", "1 message waits in the outbox", "k keep and quit", "D discard and quit")
		if x.quit {
			t.Fatal("quit without an answer")
		}
		x.keys(key)
		x.await("the end", func() bool { return x.quit })
		x.app.page.Close()
		if got := onDisk(t, dir); len(got) != left {
			t.Errorf("after %s %d messages are on disk, want %d", key, len(got), left)
		}
	}
}

// What was written for another cluster is kept, shown, and sent only by hand.
func TestAnotherClustersOutbox(t *testing.T) {
	disk, dir := &shelf{}, t.TempDir()
	c, err := cache.Open(dir, "alice", epoch)
	must(t, err)
	must(t, c.SetCluster("c1"))
	must(t, c.Put(common.Outgoing{ID: "id-old", Conversation: "@bob", Text: "for the others", Cluster: "c1", Written: epoch, Order: 1}))
	must(t, c.Close())
	x := start(t, 80, 24, func(f *fake) {
		stored(dir, disk)(f)
		f.link = inCluster("c2")
	})
	x.open("@bob")
	x.see("for the others", "written for another cluster")
	x.typed("for these")
	x.keys("enter")
	x.see("✓ alice  for these")
	if got := x.fake.tries(); slices.Contains(got, "id-old") {
		t.Fatal("another cluster's message was sent by itself")
	}
	x.keys("f4")
	x.see("Outbox · 1")
	x.keys("r", "esc")
	x.see("✓        for the others")
}

// A start without a node shows what the last run saw, with its time; then a node's answer takes its place.
func TestOfflineStartShowsHistory(t *testing.T) {
	disk, dir := &shelf{}, t.TempDir()
	x := start(t, 80, 24, stored(dir, disk))
	x.open("@bob")
	x.see("logs are on n3 now")
	x.typed("half a thought")
	x.await("the draft on disk", func() bool { disk.mu.Lock(); defer disk.mu.Unlock(); return disk.draft == "half a thought" })
	x.app.page.Close()

	y := start(t, 80, 24, func(f *fake) {
		stored(dir, disk)(f)
		f.link, f.fail = offline(), common.Failure{Outcome: common.NotApplied, Text: "no node answers"}
	})
	y.see("@bob")
	y.keys("alt+1")
	y.see("OFFLINE", "logs are on n3 now", "kept on this machine, as of Tue 24 Nov 14:03", "> half a thought")
	y.fake.set(func() { y.fake.fail = nil })
	y.fake.add("@bob", "bob", "and now?", epoch)
	y.fake.setLink(inCluster(""))
	y.see("READY", "and now?")
	y.gone("kept on this machine")
	y.see("> half a thought")
}

// Save notes the draft: what changed is written while the client runs, not only when it ends.
func (s *shelf) Save(ch common.Changes) error {
	err := s.Store.Save(ch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draft = ch.Drafts["@bob"]
	return err
}

func TestDraftIsSavedWhileRunning(t *testing.T) {
	disk := &shelf{}
	x := start(t, 80, 24, stored(t.TempDir(), disk))
	x.open("@bob")
	x.await("the store", disk.holds(0))
	x.typed("half a thought")
	x.await("the draft on disk", func() bool { disk.mu.Lock(); defer disk.mu.Unlock(); return disk.draft == "half a thought" })
}
