package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/raftlog"
	"parley/store"
)

// logContent is what a log holds.
type logContent struct {
	identity  string
	hardState string
	compacted uint64
	entries   map[uint64]uint32 // index to checksum
	last      uint64
	term      uint64
}

func contentOf(l *raftlog.Log) (*logContent, error) {
	c := &logContent{entries: map[uint64]uint32{}}
	c.identity, c.hardState = fmt.Sprintf("%+v", l.Identity()), l.HardState().String()
	c.compacted, _ = l.Compacted()
	first, _ := l.FirstIndex()
	c.last, _ = l.LastIndex()
	c.term = l.HardState().GetTerm()
	if first > c.last {
		return c, nil
	}
	es, err := l.Entries(first, c.last+1, math.MaxUint64)
	if err != nil {
		return nil, err
	}
	for _, e := range es {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
		if err != nil {
			return nil, err
		}
		c.entries[e.GetIndex()] = crc32.ChecksumIEEE(b)
	}
	return c, nil
}

// differs says what is not as in want; entries at or below from are not compared.
func (c *logContent) differs(want *logContent, from uint64) error {
	if c.identity != want.identity || c.last != want.last || from == want.compacted && c.hardState != want.hardState {
		return fmt.Errorf("got %s, %s, last %d; want %s, %s, last %d", c.identity, c.hardState, c.last, want.identity,
			want.hardState, want.last)
	}
	for i := from + 1; i <= want.last; i++ {
		if sum, ok := c.entries[i]; !ok || sum != want.entries[i] {
			return fmt.Errorf("entry %d is another, or missing", i)
		}
	}
	return nil
}

func (b *bench) readLog() (*logContent, error) {
	path := filepath.Join(b.work, "reference-"+logFile)
	defer os.RemoveAll(path)
	if err := b.put(logFile, path, b.files[logFile]); err != nil {
		return nil, err
	}
	l, err := raftlog.Open(path, raftlog.Options{})
	if err != nil {
		return nil, err
	}
	c, err := contentOf(l)
	return c, errors.Join(err, l.Close())
}

// tryLog opens a log as a node does whose store is whole, reads all of it and appends to it.
func (b *bench) tryLog(path string) (outcome, error) {
	mark := b.state.mark
	l, err := raftlog.Open(path, raftlog.Options{FlushedIndex: mark.Index, FlushedTerm: mark.Term})
	if err != nil {
		_, damage := errors.AsType[*raftlog.DamageError](err)
		return judge(path, damage || errors.Is(err, raftlog.ErrFormat), err, "entry ", "hardstate", "tail", "identity", "format",
			"compacted", "file: ")
	}
	defer func() { _ = l.Close() }() // what matters is closed and checked before
	o, from := harmless, b.log.compacted
	if l.Healed() != nil {
		o, from = healed, mark.Index
	}
	got, err := contentOf(l)
	if err == nil {
		err = got.differs(b.log, from)
	}
	if err != nil {
		return wrong, err
	}
	next, term := got.last+1, got.term
	if err := l.Append(raftlog.Batch{Entries: []*raftpb.Entry{{Index: &next, Term: &term, Data: []byte("later")}}}); err != nil {
		return unclear, fmt.Errorf("append: %w", err)
	}
	if err := errors.Join(l.Scrub(), l.Close()); err != nil {
		return unclear, fmt.Errorf("after an append: %w", err)
	}
	again, err := raftlog.Open(path, raftlog.Options{})
	if err != nil {
		return unclear, fmt.Errorf("after an append: %w", err)
	}
	defer func() { _ = again.Close() }() // it was only read
	want := *b.log
	want.entries = map[uint64]uint32{}
	if got, err = contentOf(again); err != nil {
		return wrong, err
	}
	for i, sum := range b.log.entries {
		want.entries[i] = sum
	}
	want.last, want.hardState = next, got.hardState
	want.entries[next] = got.entries[next]
	if err := got.differs(&want, from); err != nil {
		return wrong, fmt.Errorf("after an append: %w", err)
	}
	return o, nil
}

// stateContent is what a store holds: its hash covers every record, the texts are what a person reads.
type stateContent struct {
	mark    store.Mark
	cluster []byte
	hash    []byte
	texts   []string
}

func (b *bench) readState() (*stateContent, error) {
	path := filepath.Join(b.work, "reference-"+storeFile)
	defer os.Remove(path)
	if err := os.WriteFile(path, b.files[storeFile], 0o600); err != nil {
		return nil, err
	}
	st, err := store.Open(path, store.Options{Manual: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = st.Close() }() // what matters is closed and checked before
	c := &stateContent{cluster: st.ClusterID()}
	if c.mark, _, c.hash, err = st.RecomputeHash(); err != nil {
		return nil, err
	}
	c.texts, err = texts(st, b.facts.Hub)
	return c, err
}

// equal reads everything that a session sees.
func (c *stateContent) equal(st *store.Store, session []byte) error {
	got, err := texts(st, session)
	if err != nil {
		return err
	}
	if len(got) != len(c.texts) {
		return fmt.Errorf("%d messages, want %d", len(got), len(c.texts))
	}
	for i := range got {
		if got[i] != c.texts[i] {
			return fmt.Errorf("message %d is %q, want %q", i, got[i], c.texts[i])
		}
	}
	return nil
}

func texts(st *store.Store, session []byte) ([]string, error) {
	v, err := st.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	ses, err := v.Session(session)
	if err != nil {
		return nil, err
	}
	if _, _, err := v.Users("*", "", store.MaxPage); err != nil {
		return nil, err
	}
	var out []string
	for before := uint64(0); ; {
		page, err := v.Messages(ses, store.MessageQuery{BeforeID: before, Limit: store.MaxPage})
		if err != nil {
			return nil, err
		}
		for _, m := range page.Messages {
			out = append(out, fmt.Sprint(m))
		}
		if !page.More || len(page.Messages) == 0 {
			return out, nil
		}
		before = page.Messages[0].GetId()
	}
}
