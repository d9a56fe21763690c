package store

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// stateHash is the hash of the present state.
func (r *rig) stateHash() []byte {
	r.t.Helper()
	if err := r.s.Flush(); err != nil {
		r.t.Fatal(err)
	}
	_, hash, _, err := r.s.RecomputeHash()
	if err != nil {
		r.t.Fatal(err)
	}
	return hash
}

// P2: a retry of any command is answered like the first one and changes nothing; the same id with another payload is
// refused.
func TestEveryCommandHappensOnce(t *testing.T) {
	type cmdFunc func(r *rig) (first, other *internalv1.Command)
	with := func(c *internalv1.Command, id []byte) *internalv1.Command { c.RequestId = id; return c }
	admin := func(r *rig, body *internalv1.Command) *internalv1.Command {
		body.RequestId = r.id()
		return body
	}
	operator := func(r *rig, name string, on bool) *internalv1.Command {
		return admin(r, &internalv1.Command{Body: &internalv1.Command_SetOperator{SetOperator: &internalv1.SetOperator{
			Username: name, Operator: on, FromAdminSocket: true}}})
	}
	reset := func(r *rig, phc string) *internalv1.Command {
		return admin(r, &internalv1.Command{Body: &internalv1.Command_ResetPassword{ResetPassword: &internalv1.ResetPassword{
			Username: "bob", NewPasswordPhc: phc, FromAdminSocket: true}}})
	}
	tests := map[string]cmdFunc{
		"CreateUser": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			other := r.createCmd("carol")
			other.GetCreateUser().DisplayName = "someone else"
			return r.createCmd("carol"), other
		},
		"Login": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.loginCmd("alice", "second", 1), r.loginCmd("alice", "third", 1)
		},
		"SendMessage": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.sendCmd("alice", "@bob", "once"), r.sendCmd("alice", "@bob", "twice")
		},
		"MarkRead": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.markCmd("bob", "@alice", 1, 2), r.markCmd("bob", "@alice", 1, 3)
		},
		"DeleteMessages": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.deleteCmd("alice", 1, 2), r.deleteCmd("alice", 2, 3)
		},
		"PostMessage": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.postCmd("alice", "@bob", "once", 1), r.postCmd("alice", "@bob", "once", 2)
		},
		"EditMessage": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.editCmd("alice", 1, "once"), r.editCmd("alice", 1, "twice")
		},
		"Annotate": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.reactCmd("bob", 1, "x", true), r.reactCmd("bob", 1, "x", false)
		},
		"Annotate with a pin": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.pinCmd("bob", 1, true), r.pinCmd("bob", 2, true)
		},
		"SetReadMark": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.readMarkCmd("bob", "@alice", 3), r.readMarkCmd("bob", "@alice", 2)
		},
		"SetMute": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.muteCmd("bob", "@alice", internalv1.Mute_MUTE_ALL), r.muteCmd("bob", "@alice", internalv1.Mute_MUTE_UNSPECIFIED)
		},
		"ChangePassword": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.passwordCmd("alice", 1), r.sendCmd("alice", "@bob", "x")
		},
		"Logout": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.logoutCmd("alice"), r.sendCmd("alice", "@bob", "x")
		},
		"DeleteUser": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return r.deleteUserCmd("alice", 1), r.sendCmd("alice", "@bob", "x")
		},
		"RevokeSession": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			r.ok(r.loginCmd("alice", "second", 1))
			revoke := func(id string) *internalv1.Command {
				return &internalv1.Command{RequestId: r.id(), Session: token("alice"), Body: &internalv1.Command_RevokeSession{
					RevokeSession: &internalv1.RevokeSession{SessionId: id}}}
			}
			return revoke("2"), revoke("1")
		},
		"SetOperator": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return operator(r, "bob", true), operator(r, "bob", false)
		},
		"ResetPassword": func(r *rig) (*internalv1.Command, *internalv1.Command) {
			return reset(r, testPHC), operator(r, "bob", false)
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := memStore(t, Options{})
			r := newRig(t, s)
			r.people("alice", "bob")
			r.ok(raise(MaxClusterVersion))
			for range 4 {
				r.send("alice", "@bob", "hello")
			}
			first, other := f(r)
			want := r.ok(first)
			if name != "Logout" && name != "DeleteUser" {
				r.do(r.sendCmd("bob", "@alice", "between"))
			}
			hash := r.stateHash()
			r.nowMS -= 10 // the clock is state: hold it still
			if got := r.do(first); !proto.Equal(got, want) {
				t.Fatalf("the retry was answered %v, want %v", got, want)
			}
			r.nowMS -= 10
			r.refused(with(other, first.GetRequestId()), internalv1.Reason_REASON_REQUEST_ID_REUSED)
			if got := r.stateHash(); !bytes.Equal(got, hash) {
				t.Fatal("the retry changed the state")
			}
		})
	}
}

// The digest leaves out salted hashes: a retry of a password change hashes anew.
func TestRetryWithAnotherSalt(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice")
	c := r.createCmd("bob")
	r.ok(c)
	c.GetCreateUser().PasswordPhc = testPHC + "other"
	r.ok(c)
	p := r.passwordCmd("alice", 1)
	r.ok(p)
	p.GetChangePassword().NewPasswordPhc = testPHC + "other"
	p.GetChangePassword().CredentialGeneration = 2
	r.ok(p)
	v := r.view()
	defer v.Close()
	if c, err := v.Credentials("alice"); err != nil || c.PHC != testPHC+"2" || c.Generation != 2 {
		t.Fatalf("credentials %+v, %v", c, err)
	}
}

// After Logout and DeleteUser the token answers that very request and nothing else.
func TestEndedSessionAnswersItsOwnRequestOnly(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice", "bob")
	out, del := r.logoutCmd("alice"), r.deleteUserCmd("bob", 1)
	r.ok(out)
	r.ok(del)
	for _, tok := range []string{"alice", "bob"} {
		r.refused(r.sendCmd(tok, "@alice", "x"), internalv1.Reason_REASON_SESSION_INVALID)
		r.refused(r.logoutCmd(tok), internalv1.Reason_REASON_SESSION_INVALID)
	}
	r.ok(out)
	r.ok(del)
	// Another session of alice may not use the id for something else.
	r.ok(r.loginCmd("alice", "again", 1))
	c := r.sendCmd("again", "@alice", "x")
	c.RequestId = out.GetRequestId()
	r.refused(c, internalv1.Reason_REASON_REQUEST_ID_REUSED)
	// Nor may the token come back.
	r.refused(r.loginCmd("alice", "alice", 1), internalv1.Reason_REASON_INVALID_FIELD)
}

// A message's request id lives as long as the message, also as a placeholder; other answers live 30 days, and an id
// older than that is refused, not executed.
func TestAnswersExpire(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice", "bob")
	send := r.sendCmd("alice", "@bob", "keep me")
	sent := r.ok(send)
	del := r.deleteCmd("alice", 1)
	r.ok(del)
	v4 := r.deleteCmd("bob", 1)
	v4.RequestId[6] = 0x40
	r.ok(v4)
	future := r.markCmd("bob", "@alice", 1, 1)
	future.RequestId = uuid7(r.nowMS+5*dayMS, 1)
	r.ok(future)
	days := func(n int64) {
		for range n * 24 {
			r.nowMS += dayMS/24 - 10
			r.entry()
		}
	}
	days(29)
	r.ok(expireCmd())
	if got := r.ok(del); got.GetDelete().GetDeleted() != 1 {
		t.Fatalf("within 30 days: %v", got)
	}
	days(2)
	if !s.Work().Expire {
		t.Fatal("answers are over their time, but there is no work")
	}
	before := countTable(t, s, tagAnswer)
	r.ok(expireCmd())
	if s.Work().Expire {
		t.Fatal("there is work left after ExpireSlice")
	}
	if after := countTable(t, s, tagAnswer); after != before-1 {
		t.Fatalf("%d answers, %d before: only the deletion's was over its time", after, before)
	}
	r.refused(del, internalv1.Reason_REASON_REQUEST_ID_EXPIRED)
	if got := r.do(send); !proto.Equal(got, sent) {
		t.Fatalf("the message's retry was answered %v, want %v", got, sent)
	}
	r.ok(v4)
	r.ok(future)
	days(5)
	r.ok(expireCmd())
	r.refused(future, internalv1.Reason_REASON_REQUEST_ID_EXPIRED)
	days(60)
	r.ok(expireCmd())
	r.refused(send, internalv1.Reason_REASON_SESSION_INVALID) // 90 days: the sessions are over too
	if n := countTable(t, s, tagSession); n != 0 {
		t.Fatalf("%d sessions are left", n)
	}
	if n := countTable(t, s, tagExpiry); n != 0 {
		t.Fatalf("%d expiries are left", n)
	}
	finalHash(t, s)
}

func countTable(t *testing.T, s *Store, tag byte) (n int) {
	t.Helper()
	v, err := s.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	it := v.scan([]byte{tag}, []byte{tag + 1}, false)
	for it.next() {
		n++
	}
	if it.err != nil {
		t.Fatal(it.err)
	}
	return n
}

// The state clock never runs backwards and moves at most an hour an entry; message time is the stamp.
func TestClock(t *testing.T) {
	s, _ := memStore(t, Options{})
	r := newRig(t, s)
	r.people("alice")
	clock := func() int64 {
		v := r.view()
		defer v.Close()
		return v.ClockMS()
	}
	was := clock()
	r.nowMS += 5 * dayMS
	res := r.send("alice", "@alice", "ahead")
	if got := clock(); got != was+MaxClockStepMS {
		t.Fatalf("a stamp 5 days ahead moved the clock by %d ms", got-was)
	}
	if res.GetTimeUnixMs() != r.nowMS {
		t.Fatalf("message time %d, want the stamp %d", res.GetTimeUnixMs(), r.nowMS)
	}
	r.nowMS -= 9 * dayMS
	r.send("alice", "@alice", "behind")
	if got := clock(); got != was+MaxClockStepMS {
		t.Fatalf("a stamp behind moved the clock to %d from %d", got, was+MaxClockStepMS)
	}
}
