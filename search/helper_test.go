package search

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

var testCluster = []byte("cluster-id-0001!")

const startMS = int64(1_795_000_000_000) // 2026-11-18

// rig drives a real store entry by entry, with an index beside it.
type rig struct {
	t      testing.TB
	s      *store.Store
	x      *Index
	dir    string
	index  uint64
	nowMS  int64
	ids    uint64
	memory int // Options.MemoryDocs
}

func newRig(t testing.TB) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	must(t, store.Create(path, testCluster, store.Mark{Index: 1, Term: 1}))
	s, err := store.Open(path, store.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return &rig{t: t, s: s, dir: filepath.Join(t.TempDir(), "search"), index: 1, nowMS: startMS}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the index; it is closed at the end of the test, or by close.
func (r *rig) open() {
	r.t.Helper()
	x, err := Open(Options{Dir: r.dir, Store: r.s, Logger: slog.New(slog.DiscardHandler), MemoryDocs: r.memory})
	must(r.t, err)
	r.x = x
	r.t.Cleanup(func() {
		if r.x == x {
			r.close()
		}
	})
}

func (r *rig) close() {
	r.x.Close()
	r.x = nil
}

func (r *rig) id() []byte {
	r.ids++
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(r.nowMS)<<16)
	binary.BigEndian.PutUint64(b[8:], r.ids)
	b[6], b[8] = 0x70, 0x80|b[8]&0x3f
	return b
}

func token(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// apply applies commands as one entry and returns their results.
func (r *rig) apply(cmds ...*internalv1.Command) (out []*internalv1.Result) {
	r.t.Helper()
	r.index++
	r.nowMS += 10
	e := store.Entry{Index: r.index, Term: 1, StampMS: r.nowMS}
	for _, c := range cmds {
		b, err := proto.Marshal(c)
		must(r.t, err)
		e.Commands = append(e.Commands, b)
	}
	raw, err := r.s.Apply([]store.Entry{e})
	must(r.t, err)
	for _, b := range raw[0] {
		res := new(internalv1.Result)
		must(r.t, proto.Unmarshal(b, res))
		out = append(out, res)
	}
	return out
}

func (r *rig) ok(c *internalv1.Command) *internalv1.Result {
	r.t.Helper()
	res := r.apply(c)[0]
	if f := res.GetRefusal(); f != nil {
		r.t.Fatalf("%T was refused: %v", c.GetBody(), f)
	}
	return res
}

// people makes accounts with a session each, in a cluster whose version is the newest.
func (r *rig) people(names ...string) {
	r.t.Helper()
	r.ok(&internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
		RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: store.MaxClusterVersion},
	}})
	for _, n := range names {
		r.ok(&internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_CreateUser{CreateUser: &internalv1.CreateUser{
			Username: n, DisplayName: n, PasswordPhc: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
		}}})
		r.ok(&internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_Login{Login: &internalv1.Login{
			Username: n, TokenSha256: token(n), CredentialGeneration: 1, Client: "test",
		}}})
	}
}

func (r *rig) sendCmd(from, to, text string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(from), Body: &internalv1.Command_SendMessage{
		SendMessage: &internalv1.SendMessage{Conversation: to, Text: text},
	}}
}

func (r *rig) send(from, to, text string) uint64 {
	r.t.Helper()
	return r.ok(r.sendCmd(from, to, text)).GetSend().GetId()
}

func (r *rig) delete(by string, id uint64) {
	r.t.Helper()
	r.apply(&internalv1.Command{RequestId: r.id(), Session: token(by), Body: &internalv1.Command_DeleteMessages{
		DeleteMessages: &internalv1.DeleteMessages{Ids: []uint64{id}},
	}})
}

func (r *rig) edit(by string, id uint64, text string) {
	r.t.Helper()
	r.apply(&internalv1.Command{RequestId: r.id(), Session: token(by), Body: &internalv1.Command_EditMessage{
		EditMessage: &internalv1.EditMessage{Id: id, Text: text},
	}})
}

func (r *rig) deleteUser(by string) {
	r.t.Helper()
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token(by), Body: &internalv1.Command_DeleteUser{
		DeleteUser: &internalv1.DeleteUser{CredentialGeneration: 1},
	}})
}

// settle waits until everything that was applied is indexed.
func (r *rig) settle() {
	r.t.Helper()
	for ctx := r.t.Context(); ; {
		if _, complete := r.x.Wait(ctx, r.s.Applied()); complete {
			return
		}
		must(r.t, ctx.Err())
	}
}

// search returns all pages of a search as ids.
func (r *rig) search(by, query string, best bool, page int) (ids []uint64) {
	r.t.Helper()
	for token := ""; ; {
		res := r.page(by, query, best, page, token)
		for _, m := range res.Messages {
			ids = append(ids, m.GetId())
		}
		if token = res.Next; token == "" {
			return ids
		}
	}
}

func (r *rig) page(by, query string, best bool, page int, at string) Result {
	r.t.Helper()
	q, err := ParseQuery(query)
	must(r.t, err)
	v, err := r.s.View()
	must(r.t, err)
	defer v.Close()
	ses, err := v.Session(token(by))
	must(r.t, err)
	res, err := r.x.Search(r.t.Context(), v, ses, Request{Query: q, Best: best, Limit: page, Token: at})
	must(r.t, err)
	return res
}

// scan is search without an index: it reads everything that the caller may read and looks for a query in plain words.
func (r *rig) scan(by string, match func(m *parleyv1.Message) bool) (ids []uint64) {
	r.t.Helper()
	v, err := r.s.View()
	must(r.t, err)
	defer v.Close()
	ses, err := v.Session(token(by))
	must(r.t, err)
	for q := (store.MessageQuery{Limit: store.MaxPage}); ; {
		page, err := v.Messages(ses, q)
		must(r.t, err)
		for _, m := range slices.Backward(page.Messages) {
			if !m.GetDeleted() && match(m) {
				ids = append(ids, m.GetId())
			}
		}
		if !page.More {
			return ids
		}
		q.BeforeID = page.Messages[0].GetId()
	}
}

// contains matches messages that have all of some words. It knows ASCII only.
func contains(words ...string) func(*parleyv1.Message) bool {
	return func(m *parleyv1.Message) bool {
		have := strings.Fields(strings.ToLower(m.GetText()))
		return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(have, w) })
	}
}

func (r *rig) same(what string, got, want []uint64) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Fatalf("%s: found %v, a scan finds %v", what, got, want)
	}
}

// copyDir copies the files of the index as they are, as a kill -9 leaves them.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
}

func word(n int) string { return fmt.Sprintf("w%d", n) }
