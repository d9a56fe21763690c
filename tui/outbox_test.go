package tui

import (
	"slices"
	"sync"
	"testing"

	"parley/tui/cache"
	"parley/tui/common"
)

// stored gives the client a real cache in dir, and counts what its outbox holds.
func stored(dir string, held *shelf) func(*fake) {
	return func(f *fake) {
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
	mu  sync.Mutex
	ids map[string]bool
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
	x.see("cannot read @bob")
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
	y.await("the verdicts", func() bool { return len(sent(y.fake)) == 3 })
	if got := sent(y.fake); !slices.Equal(got, texts) {
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
