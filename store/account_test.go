package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"parley/proto/internalv1"
)

// Deleting an account is one small command whose effect every read shows at once; slices then tell the others and clear
// the texts, within the bound on keys. The other side keeps its own messages, and the name stays reserved.
func TestDeleteAccount(t *testing.T) {
	s, _ := memStore(t, Options{OverlayBytes: 64 << 10})
	r := newRig(t, s)
	r.people("alice", "bob")
	const peers = 2*EraseEvents + 10
	for i := range peers {
		r.ok(r.createCmd(fmt.Sprintf("p%d", i)))
		r.send("alice", fmt.Sprintf("@p%d", i), "secret")
	}
	for i := range 1200 {
		r.send("alice", "@bob", fmt.Sprintf("secret %d", i))
		if i%3 == 0 {
			r.send("bob", "@alice", "mine")
		}
	}
	r.send("alice", "@alice", "secret to myself")
	r.ok(r.loginCmd("alice", "second", 1))
	w, err := s.Watch(WatchOptions{Session: token("bob")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()

	r.ok(r.deleteUserCmd("alice", 1))
	for _, tok := range []string{"alice", "second"} {
		v := r.view()
		if _, err := v.Session(token(tok)); !errors.Is(err, ErrNoSession) {
			t.Fatalf("session %s after the deletion: %v", tok, err)
		}
		v.Close()
	}
	check := func(when string) {
		t.Helper()
		v, ses := r.as("bob")
		defer v.Close()
		page, err := v.Messages(ses, MessageQuery{Conversation: "@alice", Limit: MaxPage})
		if err != nil || len(page.Messages) != MaxPage {
			t.Fatalf("%s: %d messages, %v", when, len(page.Messages), err)
		}
		for _, m := range page.Messages {
			mine := m.GetSender() == "bob"
			if mine && m.GetText() != "mine" || !mine && (m.GetText() != "" || !m.GetDeleted() || m.GetUnread()) {
				t.Fatalf("%s: bob reads %v", when, m)
			}
		}
		cs, _, err := v.Conversations(ses, 1, "")
		if err != nil || cs[0].GetUnread() != 0 {
			t.Fatalf("%s: %v, %v", when, cs, err)
		}
		if left := r.read("bob", MessageQuery{OnlyUnread: true}); len(left) != 0 {
			t.Fatalf("%s: unread %q", when, left)
		}
	}
	check("at once")
	slices := 0
	for s.Work().Erase {
		r.ok(eraseCmd())
		check(fmt.Sprintf("after slice %d", slices))
		if slices++; slices > 20 {
			t.Fatal("the erasing does not end")
		}
	}
	if slices < 5 {
		t.Fatalf("%d slices for %d messages and %d conversations", slices, 1200, peers)
	}
	es, err := w.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if told := es[0].GetUserDeleted(); told.GetUsername() != "alice" || told.GetConversation() != "@alice" {
		t.Fatalf("bob is told %v, %v", es, err)
	}
	v := r.view()
	defer v.Close()
	it := v.scan([]byte{tagMessage}, []byte{tagMessage + 1}, false)
	for it.next() {
		m, err := decode[internalv1.MessageRecord](&v.layers, it.key, it.value)
		if err != nil {
			t.Fatal(err)
		}
		if m.GetText() != "" && m.GetText() != "mine" {
			t.Fatalf("%q is still stored", m.GetText())
		}
	}
	if u, err := v.User("alice"); err != nil || !u.GetDeleted() || u.GetDisplayName() != "" {
		t.Fatalf("alice is %v, %v", u, err)
	}
	r.refused(r.createCmd("alice"), internalv1.Reason_REASON_USER_EXISTS)
	r.refused(r.loginCmd("alice", "new", 2), internalv1.Reason_REASON_USER_DELETED)
	r.refused(r.sendCmd("bob", "@alice", "hello?"), internalv1.Reason_REASON_USER_DELETED)
	finalHash(t, s)
}

func TestSessions(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice")
	for i := range MaxSessions + 5 {
		r.ok(r.loginCmd("alice", fmt.Sprintf("t%d", i), 1))
	}
	list := func(tok string) (ids []string) {
		v, ses := r.as(tok)
		defer v.Close()
		ss, err := v.Sessions(ses)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range ss {
			if x.GetCurrent() {
				ids = append(ids, "*"+x.GetId())
			} else {
				ids = append(ids, x.GetId())
			}
		}
		return ids
	}
	ids := list("t104")
	if len(ids) != MaxSessions || ids[0] != "*106" || ids[MaxSessions-1] != "7" {
		t.Fatalf("%d sessions, from %s to %s: the oldest should have ended", len(ids), ids[0], ids[len(ids)-1])
	}
	r.refused(r.sendCmd("alice", "@alice", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	r.ok(&internalv1.Command{RequestId: r.id(), Session: token("t104"), Body: &internalv1.Command_RevokeSession{
		RevokeSession: &internalv1.RevokeSession{SessionId: "7"}}})
	r.refused(r.sendCmd("t5", "@alice", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	r.refused(r.passwordCmd("t104", 7), internalv1.Reason_REASON_CREDENTIALS_CHANGED)
	r.ok(r.passwordCmd("t104", 1))
	if ids := list("t104"); !slices.Equal(ids, []string{"*106"}) {
		t.Fatalf("after the password change: %v", ids)
	}
	r.refused(r.loginCmd("alice", "stale", 1), internalv1.Reason_REASON_CREDENTIALS_CHANGED)
	r.ok(r.loginCmd("alice", "fresh", 2))
}

func TestOperators(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("root", "alice", "bob")
	grant := func(tok, name string, socket bool) *internalv1.Command {
		c := &internalv1.Command{RequestId: r.id(), Body: &internalv1.Command_SetOperator{
			SetOperator: &internalv1.SetOperator{Username: name, Operator: true, FromAdminSocket: socket}}}
		if tok != "" {
			c.Session = token(tok)
		}
		return c
	}
	r.refused(grant("", "root", false), internalv1.Reason_REASON_SESSION_INVALID)
	r.refused(grant("root", "root", true), internalv1.Reason_REASON_NOT_ALLOWED) // a session is never more than it is
	r.ok(grant("", "root", true))
	r.refused(grant("", "nobody", true), internalv1.Reason_REASON_USER_NOT_FOUND)
	r.ok(grant("root", "alice", false))
	reset := &internalv1.Command{RequestId: r.id(), Session: token("alice"), Body: &internalv1.Command_ResetPassword{
		ResetPassword: &internalv1.ResetPassword{Username: "bob", NewPasswordPhc: testPHC + "3"}}}
	r.ok(reset)
	r.refused(r.sendCmd("bob", "@bob", "x"), internalv1.Reason_REASON_SESSION_INVALID)
	v := r.view()
	defer v.Close()
	if c, err := v.Credentials("bob"); err != nil || c.PHC != testPHC+"3" || c.Generation != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	if ses, err := v.Session(token("alice")); err != nil || !ses.Operator {
		t.Fatalf("%+v, %v", ses, err)
	}
}

func TestUsersGlob(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	for _, n := range []string{"ab", "abc", "abd", "b", "zz.9", "a-b"} {
		r.ok(r.createCmd(n))
	}
	r.people("gone")
	r.ok(r.deleteUserCmd("gone", 1))
	for _, tt := range []struct {
		pattern string
		want    []string
	}{
		{"", []string{"a-b", "ab", "abc", "abd", "b", "zz.9"}},
		{"ab*", []string{"ab", "abc", "abd"}},
		{"AB?", []string{"abc", "abd"}},
		{"*b", []string{"a-b", "ab", "b"}},
		{"?", []string{"b"}},
		{`a\*`, nil},
		{`zz\.?`, []string{"zz.9"}},
		{"gone", nil},
	} {
		v := r.view()
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			users, next, err := v.Users(tt.pattern, after, 2)
			if err != nil || len(users) > 2 || pages > 5 {
				t.Fatal(users, next, err)
			}
			for _, u := range users {
				got = append(got, u.GetUsername())
			}
			if next == "" {
				break
			}
			after = next
		}
		v.Close()
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q matches %v, want %v", tt.pattern, got, tt.want)
		}
	}
}

func TestGlobMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXbY", false},
		{"**a", "ba", true}, {`\?`, "?", true}, {`\?`, "a", false}, {`a\`, `a\`, true},
		{"?*?", "a", false}, {"?*?", "ab", true},
		{"*aaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
		{"*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := globMatch(tt.pattern, tt.name); got != tt.want {
			t.Errorf("globMatch(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestValidation(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice", "bob")
	long := func(n int) string { return string(make([]byte, n)) }
	r.nowMS -= dayMS // the clock is state: hold it still
	hash := r.stateHash()
	create := func(name, display, phc string) *internalv1.Command {
		c := r.createCmd(name)
		c.GetCreateUser().DisplayName, c.GetCreateUser().PasswordPhc = display, phc
		return c
	}
	ranges := func(n int) *internalv1.Command {
		c := r.markCmd("alice", "@bob", 1, 1)
		for range n - 1 {
			c.GetMarkRead().Ranges = append(c.GetMarkRead().Ranges, c.GetMarkRead().GetRanges()[0])
		}
		return c
	}
	noID := r.sendCmd("alice", "@bob", "x")
	noID.RequestId = []byte("short")
	for i, tt := range []struct {
		cmd   *internalv1.Command
		field string
	}{
		{r.sendCmd("alice", "@bob", ""), "text"},
		{r.sendCmd("alice", "@bob", long(MaxMessageBytes+1)), "text"},
		{r.sendCmd("alice", "@bob", "a\x1b[31mred"), "text"},
		{r.sendCmd("alice", "@bob", "a\u202eevil"), "text"},
		{r.sendCmd("alice", "@bob", "c1 \u0085"), "text"},
		{r.sendCmd("alice", "bob", "x"), "conversation"},
		{r.sendCmd("alice", "@bo b", "x"), "conversation"},
		{noID, "request_id"},
		{create("", "d", testPHC), "username"},
		{create("a b", "d", testPHC), "username"},
		{create("ünï", "d", testPHC), "username"},
		{create(long(33), "d", testPHC), "username"},
		{create("carol", "two\nlines", testPHC), "display_name"},
		{create("carol", long(65), testPHC), "display_name"},
		{create("carol", "Carol", "plain"), "password"},
		{r.markCmd("alice", "@bob", 0, 1), "ranges[0]"},
		{r.markCmd("alice", "@bob", 2, 1), "ranges[0]"},
		{ranges(MaxMarkRanges + 1), "ranges"},
		{r.deleteCmd("alice"), "ids"},
		{r.deleteCmd("alice", make([]uint64, MaxDeleteIDs+1)...), "ids"},
	} {
		f := r.do(tt.cmd).GetRefusal()
		if f.GetReason() != internalv1.Reason_REASON_INVALID_FIELD || f.GetField() != tt.field {
			t.Errorf("case %d: refused with %v, want field %q", i, f, tt.field)
		}
	}
	r.refused(r.sendCmd("alice", "#room", "x"), internalv1.Reason_REASON_CONVERSATION_NOT_FOUND)
	if got := r.stateHash(); !bytes.Equal(got, hash) {
		t.Fatal("refused commands changed the state")
	}
}

// Deleting 100 messages of others and of one's own: what each side sees, and the counts.
func TestDeleteMessages(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice", "bob", "eve")
	for i := range 3 {
		r.send("alice", "@bob", fmt.Sprint(i))
	}
	r.send("bob", "@alice", "from bob")
	r.refused(r.deleteCmd("eve", 1), internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	r.refused(r.deleteCmd("alice", 1, 99), internalv1.Reason_REASON_MESSAGE_NOT_FOUND)
	if got := r.ok(r.deleteCmd("alice", 1, 1, 1)).GetDelete().GetDeleted(); got != 1 {
		t.Fatalf("deleted %d", got)
	}
	if got := r.ok(r.deleteCmd("alice", 1)).GetDelete().GetDeleted(); got != 0 {
		t.Fatalf("deleted %d again", got)
	}
	r.ok(r.deleteCmd("bob", 2))
	want := []string{"@alice 1 alice: (deleted)", "@alice 3 alice: 2 new", "@alice 4 bob: from bob"}
	if got := r.read("bob", MessageQuery{}); !slices.Equal(got, want) {
		t.Fatalf("bob reads %q, want %q", got, want)
	}
	want = []string{"@bob 1 alice: (deleted)", "@bob 2 alice: 1", "@bob 3 alice: 2", "@bob 4 bob: from bob new"}
	if got := r.read("alice", MessageQuery{}); !slices.Equal(got, want) {
		t.Fatalf("alice reads %q, want %q", got, want)
	}
	r.ok(r.deleteCmd("bob", 1)) // even the placeholder
	want = []string{"@alice 3 alice: 2 new", "@alice 4 bob: from bob"}
	if got := r.read("bob", MessageQuery{}); !slices.Equal(got, want) {
		t.Fatalf("bob reads %q, want %q", got, want)
	}
}

func TestMembers(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	announce := func(id, boot uint64, incarnation, nonce string) *internalv1.Command {
		return &internalv1.Command{Body: &internalv1.Command_AnnounceMember{AnnounceMember: &internalv1.AnnounceMember{
			Id: id, Name: fmt.Sprintf("n%d", id), Incarnation: []byte(incarnation), Boot: boot, BootNonce: []byte(nonce),
			Address: "127.0.0.1:1", MaxClusterVersion: 1}}}
	}
	const a, b = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
	r.ok(announce(2, 1, a, "x"))
	r.ok(announce(1, 5, a, "x"))
	r.ok(announce(1, 5, a, "x"))
	r.refused(announce(1, 5, a, "y"), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(announce(1, 4, a, "x"), internalv1.Reason_REASON_NOT_ALLOWED)
	r.refused(announce(1, 6, b, "x"), internalv1.Reason_REASON_NOT_ALLOWED)
	r.ok(announce(1, 6, a, "y"))
	ms := membersOf(t, s)
	if len(ms) != 2 || ms[0].GetId() != 1 || ms[0].GetBoot() != 6 || ms[1].GetId() != 2 {
		t.Fatalf("members %v", ms)
	}
	if s.ClusterVersion() != 1 {
		t.Fatalf("cluster version %d", s.ClusterVersion())
	}
}
