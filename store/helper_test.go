package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

var testCluster = []byte("cluster-id-0001!")

const testPHC = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"

// startMS is the stamp of a test's first entry.
const startMS = int64(1_795_000_000_000)

// rig drives a store entry by entry.
type rig struct {
	t     testing.TB
	s     *Store
	index uint64
	nowMS int64
	ids   uint64
	log   []Entry
}

func newRig(t testing.TB, s *Store) *rig {
	return &rig{t: t, s: s, index: s.Applied(), nowMS: startMS}
}

func memStore(t testing.TB, o Options) (*Store, *MemDisk) {
	t.Helper()
	d := NewMemDisk(testCluster, Mark{Index: 1, Term: 1})
	o.Manual = true
	s, err := OpenDisk(d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && s.Err() == nil {
			t.Error(err)
		}
	})
	return s, d
}

func fileStore(t testing.TB, o Options) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	if err := Create(path, testCluster, Mark{Index: 1, Term: 1}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && s.Err() == nil {
			t.Error(err)
		}
	})
	return s, path
}

// uuid7 makes a version 7 request id of a time.
func uuid7(ms int64, n uint64) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(ms)<<16)
	binary.BigEndian.PutUint64(b[8:], n)
	b[6], b[8] = 0x70, 0x80|b[8]&0x3f
	return b
}

func (r *rig) id() []byte {
	r.ids++
	return uuid7(r.nowMS, r.ids)
}

func token(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// entry applies commands as one entry and returns their results.
func (r *rig) entry(cmds ...*internalv1.Command) []*internalv1.Result {
	r.t.Helper()
	return r.entries(cmds)[0]
}

// entries applies one entry for each list of commands in one call.
func (r *rig) entries(lists ...[]*internalv1.Command) [][]*internalv1.Result {
	r.t.Helper()
	var es []Entry
	for _, cmds := range lists {
		r.index++
		r.nowMS += 10
		e := Entry{Index: r.index, Term: 1, StampMS: r.nowMS}
		for _, c := range cmds {
			b, err := proto.Marshal(c)
			if err != nil {
				r.t.Fatal(err)
			}
			e.Commands = append(e.Commands, b)
		}
		es = append(es, e)
	}
	r.log = append(r.log, es...)
	raw, err := r.s.Apply(es)
	if err != nil {
		r.t.Fatalf("apply: %v", err)
	}
	out := make([][]*internalv1.Result, len(raw))
	for i := range raw {
		for _, b := range raw[i] {
			res := new(internalv1.Result)
			if err := proto.Unmarshal(b, res); err != nil {
				r.t.Fatal(err)
			}
			out[i] = append(out[i], res)
		}
	}
	return out
}

func (r *rig) do(c *internalv1.Command) *internalv1.Result {
	r.t.Helper()
	return r.entry(c)[0]
}

// ok applies a command that must be carried out.
func (r *rig) ok(c *internalv1.Command) *internalv1.Result {
	r.t.Helper()
	res := r.do(c)
	if f := res.GetRefusal(); f != nil {
		r.t.Fatalf("%T was refused: %v", c.GetBody(), f)
	}
	return res
}

// refused applies a command that must be refused for a reason.
func (r *rig) refused(c *internalv1.Command, want internalv1.Reason) {
	r.t.Helper()
	if got := r.do(c).GetRefusal().GetReason(); got != want {
		r.t.Fatalf("%T: refused with %v, want %v", c.GetBody(), got, want)
	}
}

func (r *rig) createCmd(name string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_CreateUser{CreateUser: &internalv1.CreateUser{
		Username: name, DisplayName: name + "!", PasswordPhc: testPHC,
	}}}
}

func (r *rig) loginCmd(name, tok string, generation uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_Login{Login: &internalv1.Login{
		Username: name, TokenSha256: token(tok), CredentialGeneration: generation, Client: "test",
	}}}
}

func (r *rig) sendCmd(tok, to, text string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_SendMessage{
		SendMessage: &internalv1.SendMessage{Conversation: to, Text: text},
	}}
}

// people creates accounts, each with a session whose token is its name.
func (r *rig) people(names ...string) {
	r.t.Helper()
	for _, n := range names {
		r.ok(r.createCmd(n))
		r.ok(r.loginCmd(n, n, 1))
	}
}

func (r *rig) send(tok, to, text string) *internalv1.SendResult {
	r.t.Helper()
	return r.ok(r.sendCmd(tok, to, text)).GetSend()
}

func (r *rig) view() *View {
	r.t.Helper()
	v, err := r.s.View()
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// as opens a view and a session in it; the caller closes the view.
func (r *rig) as(tok string) (*View, Session) {
	r.t.Helper()
	v := r.view()
	s, err := v.Session(token(tok))
	if err != nil {
		v.Close()
		r.t.Fatalf("session of %s: %v", tok, err)
	}
	return v, s
}

// read returns messages as lines.
func (r *rig) read(tok string, q MessageQuery) []string {
	r.t.Helper()
	v, s := r.as(tok)
	defer v.Close()
	if q.Limit == 0 {
		q.Limit = MaxPage
	}
	page, err := v.Messages(s, q)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, m := range page.Messages {
		out = append(out, lineOf(m))
	}
	return out
}

func lineOf(m *parleyv1.Message) string {
	if m == nil {
		return "none"
	}
	text, flag := m.GetText(), ""
	if m.GetDeleted() {
		text += "(deleted)"
	}
	if m.GetUnread() {
		flag = " new"
	}
	return fmt.Sprintf("%s %d %s: %s%s", m.GetConversation(), m.GetSeq(), m.GetSender(), text, flag)
}

func (r *rig) markCmd(tok, conv string, from, to uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_MarkRead{
		MarkRead: &internalv1.MarkRead{Ranges: []*internalv1.MarkRead_Range{{Conversation: conv, FromSeq: from, ToSeq: to}}},
	}}
}

func (r *rig) deleteCmd(tok string, ids ...uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_DeleteMessages{
		DeleteMessages: &internalv1.DeleteMessages{Ids: ids},
	}}
}

func (r *rig) deleteUserCmd(tok string, generation uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_DeleteUser{
		DeleteUser: &internalv1.DeleteUser{CredentialGeneration: generation},
	}}
}

func (r *rig) logoutCmd(tok string) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_Logout{
		Logout: &internalv1.Logout{},
	}}
}

func (r *rig) passwordCmd(tok string, generation uint64) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Session: token(tok), Body: &internalv1.Command_ChangePassword{
		ChangePassword: &internalv1.ChangePassword{NewPasswordPhc: testPHC + "2", CredentialGeneration: generation},
	}}
}

func eraseCmd() *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_EraseSlice{EraseSlice: &internalv1.EraseSlice{}}}
}

func expireCmd() *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_ExpireSlice{ExpireSlice: &internalv1.ExpireSlice{}}}
}

func retainCmd() *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_RetainSlice{RetainSlice: &internalv1.RetainSlice{}}}
}

// retainCmd sets how many days the cluster keeps messages.
func (r *rig) retainCmd(days uint32) *internalv1.Command {
	return &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_UpdateSettings{
		UpdateSettings: &internalv1.UpdateSettings{RetainDays: &days, FromAdminSocket: true},
	}}
}

// pass moves the clock, an hour an entry.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	for ; d > 0; d -= time.Hour {
		r.nowMS += min(d, time.Hour).Milliseconds() - 10 // an entry's own
		r.entry()
	}
}

func hashCmd() *internalv1.Command {
	return &internalv1.Command{Body: &internalv1.Command_HashMark{HashMark: &internalv1.HashMark{}}}
}
