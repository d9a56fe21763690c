package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/store"
)

// outcome is what became of a damaged file.
type outcome string

const (
	refused  outcome = "refused"
	healed   outcome = "healed"
	late     outcome = "late"
	harmless outcome = "harmless"
	wrong    outcome = "WRONG"
	crash    outcome = "CRASH"
	unclear  outcome = "UNCLEAR"
)

var outcomes = []outcome{refused, healed, late, harmless, wrong, crash, unclear}

// bad says that an outcome may never happen.
func (o outcome) bad() bool { return o == wrong || o == crash || o == unclear }

// subject is a kind of file and what a node does with it.
type subject struct {
	name string
	file string
	// try judges the damaged file at path. The error explains a bad outcome.
	try func(b *bench, path string) (outcome, error)
}

var subjects = []subject{
	{"raft log", logFile, (*bench).tryLog},
	{"store.db", storeFile, func(b *bench, path string) (outcome, error) { return b.tryStore(path, 0) }},
	{"store.db, large", storeFile, func(b *bench, path string) (outcome, error) { return b.tryStore(path, 1) }},
	{"received store", receivedFile, (*bench).tryReceived},
}

// bench is what one child needs for its trials: the undamaged files in memory, and what they hold.
type bench struct {
	ref   reference
	facts facts
	work  string
	files map[string][]byte
	log   *logContent
	state *stateContent
}

func newBench(ref reference, work string) (*bench, error) {
	b := &bench{ref: ref, work: work, files: map[string][]byte{}}
	var err error
	if b.facts, err = ref.facts(); err != nil {
		return nil, err
	}
	for file, used := range b.facts.Used {
		whole, err := os.ReadFile(ref.path(file))
		if err != nil {
			return nil, err
		}
		b.files[file] = whole[:used]
	}
	if b.log, err = b.readLog(); err != nil {
		return nil, err
	}
	b.state, err = b.readState()
	return b, err
}

// trial damages a copy of a file and judges it. It is a function of its arguments.
func (b *bench) trial(s subject, h harm, seed, n uint64) (outcome, string) {
	r := rand.New(rand.NewPCG(seed, n))
	damaged, what := h.do(bytes.Clone(b.files[s.file]), r)
	path := filepath.Join(b.work, s.file)
	if err := b.put(s.file, path, damaged); err != nil {
		return unclear, err.Error()
	}
	defer os.RemoveAll(path)
	o, err := s.try(b, path)
	if o == refused {
		after, rerr := b.get(s.file, path)
		if rerr != nil || !bytes.Equal(after, damaged) {
			o, err = unclear, fmt.Errorf("the refused file was changed: %w", errors.Join(rerr, err))
		}
	}
	if err != nil {
		what += ": " + err.Error()
	}
	return o, what
}

// put makes the file, or the log's directory, that a trial is about.
func (b *bench) put(file, path string, content []byte) error {
	if file == logFile {
		return splitLog(path, content, b.facts.Log)
	}
	return os.WriteFile(path, content, 0o600)
}

// get reads it back.
func (b *bench) get(file, path string) ([]byte, error) {
	if file == logFile {
		return readLogDir(path, b.facts.Log)
	}
	return os.ReadFile(path)
}

// judge looks at the error with which a file was refused: it has to name the file, and the place in it.
func judge(path string, damage bool, err error, places ...string) (outcome, error) {
	text := err.Error()
	if !damage || !strings.Contains(text, path) || errors.Is(err, fs.ErrNotExist) {
		return unclear, err
	}
	for _, p := range places {
		if strings.Contains(text, p) {
			return refused, err
		}
	}
	return unclear, fmt.Errorf("it names no place: %w", err)
}

// storePlaces are how a store's damage names its place: a page, a key, or the file as a whole.
var storePlaces = []string{"page ", "pages", "file: ", "key ", "state hash", "buckets", "empty one", "panic: "}

// tryStore opens a store as a node does, reads all of it, writes to it, and lets the scrub look at it. checkBytes is the
// size above which it is not verified as a whole before; 0 for the product's.
func (b *bench) tryStore(path string, checkBytes int64) (outcome, error) {
	st, err := store.Open(path, store.Options{Manual: true, CheckBytes: checkBytes})
	if err != nil {
		_, damage := errors.AsType[*store.DamageError](err)
		return judge(path, damage, err, storePlaces...)
	}
	defer func() { _ = st.Close() }() // what matters is closed and checked before
	noticed := func(err error) (outcome, error) {
		if _, damage := errors.AsType[*store.DamageError](err); !damage || !strings.Contains(err.Error(), path) {
			return unclear, err
		}
		if checkBytes == 0 {
			return unclear, fmt.Errorf("it was verified, and then: %w", err)
		}
		return late, err
	}
	readErr := b.state.equal(st, b.facts.Hub)
	if _, damage := errors.AsType[*store.DamageError](readErr); damage {
		return noticed(readErr)
	}
	mark, _, computed, err := st.RecomputeHash()
	if checkBytes != 0 {
		if serr := b.scrub(st); serr != nil {
			_ = write(st, b.state.mark) // before the scrub's end that happens, and must not take the process down
			return late, errors.Join(serr, readErr)
		}
	}
	if err != nil {
		return noticed(err)
	}
	if readErr != nil || mark.Index != b.state.mark.Index || !bytes.Equal(computed, b.state.hash) {
		return wrong, fmt.Errorf("index %d and hash %x, want %d and %x; read: %w",
			mark.Index, computed, b.state.mark.Index, b.state.hash, readErr)
	}
	if err := write(st, mark); err != nil {
		return noticed(err)
	}
	if err := st.Close(); err != nil {
		return noticed(err)
	}
	if err := store.Verify(path); err != nil {
		return wrong, fmt.Errorf("after a flush on top: %w", err)
	}
	return harmless, nil
}

// scrub is what a node does with a large store after its start: it verifies a copy.
func (b *bench) scrub(st *store.Store) error {
	copied := filepath.Join(b.work, "scrub.db")
	defer os.Remove(copied)
	if _, _, err := st.Spool(copied); err != nil {
		return err
	}
	return store.Verify(copied)
}

// write applies an entry and flushes it.
func write(st *store.Store, mark store.Mark) error {
	id := uuid.Must(uuid.NewV7())
	cmd, err := proto.Marshal(&internalv1.Command{RequestId: id[:], Body: &internalv1.Command_CreateUser{
		CreateUser: &internalv1.CreateUser{Username: "later", DisplayName: "later", PasswordPhc: "$argon2id$test"},
	}})
	if err != nil {
		return err
	}
	entry := store.Entry{Index: mark.Index + 1, Term: mark.Term, StampMS: 1, Commands: [][]byte{cmd}}
	if _, err := st.Apply([]store.Entry{entry}); err != nil {
		return err
	}
	return st.Flush()
}

// tryReceived does what a node does with a store file that came from a peer.
func (b *bench) tryReceived(path string) (outcome, error) {
	if err := store.Verify(path); err != nil {
		_, damage := errors.AsType[*store.DamageError](err)
		return judge(path, damage, err, storePlaces...)
	}
	own := filepath.Join(b.work, "own.db")
	defer os.Remove(own)
	if err := store.Create(own, b.state.cluster, store.Mark{Index: 1, Term: 1}); err != nil {
		return unclear, err
	}
	st, err := store.Open(own, store.Options{Manual: true})
	if err != nil {
		return unclear, err
	}
	defer func() { _ = st.Close() }() // what matters is closed and checked before
	if _, err := st.Install(path); err != nil {
		return unclear, fmt.Errorf("it was verified, and then: %w", err)
	}
	if err := b.state.equal(st, b.facts.Hub); err != nil {
		return wrong, err
	}
	_, _, computed, err := st.RecomputeHash()
	if err != nil {
		return unclear, fmt.Errorf("it was verified and installed, and then: %w", err)
	}
	if !bytes.Equal(computed, b.state.hash) {
		return wrong, fmt.Errorf("installed with hash %x, want %x", computed, b.state.hash)
	}
	return harmless, nil
}

func newRequest() string { return uuid.Must(uuid.NewV7()).String() }
