package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/proto/parleyv1"
)

// testApp has an environment of its own, no terminal, and buffers for streams.
func testApp(t *testing.T, env map[string]string) (a *app, out, errs *bytes.Buffer) {
	t.Helper()
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	a = &app{in: strings.NewReader(""), out: out, err: errs, inTTY: -1, env: func(name string) string { return env[name] }}
	a.flags.output = outputTable
	return a, out, errs
}

// TestUsageErrors runs whole command lines that must end before anything is dialled.
func TestUsageErrors(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home}
	for _, tc := range []struct {
		args string
		env  map[string]string
		line string
	}{
		{"frobnicate", nil, "unknown command"},
		{"sned @bob hi", nil, "send"},
		{"send", nil, "arg"},
		{"send bob hi", nil, "@bob"},
		{"send @bob a b", nil, "arg"},
		{"send @bob hi -o yaml", nil, "table nor json"},
		{"send @bob hi --timeout 0s", nil, "--timeout"},
		{"send @bob hi --nope", nil, "nope"},
		{"read --limit 0", nil, "--limit"},
		{"read --limit 1000000", nil, "--limit"},
		{"read bob", nil, "@bob"},
		{"read --before x", nil, "before"},
		{"tail --count -1", nil, "--count"},
		{"read @bob --since yesterday", nil, "how long ago"},
		{"read --around 3", nil, "need a conversation"},
		{"read @bob --around 3 --since 1h", nil, "give one"},
		{"read @bob --around 3 --unread", nil, "give one"},
		{"read @bob --around 3 --before 9", nil, "--before"},
		{"read @bob --around 3 --limit 1001", nil, "at most 1000"},
		{"read @bob --since 1h --before 9", nil, "--before"},
		{"send @bob hi --reply-to x", nil, "reply-to"},
		{"edit x y", nil, "not a message id"},
		{"react 3", nil, "arg"},
		{"react 0 x", nil, "not a message id"},
		{"pin one", nil, "not a message id"},
		{"pins bob", nil, "@bob"},
		{"thread 0", nil, "not a message id"},
		{"show -1", nil, "unknown shorthand"},
		{"mark @bob", nil, "--all"},
		{"mark @bob 3 --all", nil, "--all"},
		{"mark @bob x", nil, "no seq"},
		{"mute @bob loud", nil, "mentions, all or none"},
		{"mentions bob", nil, "@bob"},
		{"mentions --limit 0", nil, "--limit"},
		{"export bob", nil, "@bob"},
		{"export @bob --format html", nil, "jsonl or markdown"},
		{"room", nil, "needs a command"},
		{"room create", nil, "arg"},
		{"room create a/b", nil, "is no room"},
		{"room join @bob", nil, "is no room"},
		{"room kick ops", nil, "arg"},
		{"room kick ops #bob", nil, "is no account"},
		{"room members ops --invited --banned", nil, "give one"},
		{"room rename ops a/b", nil, "is no room"},
		{"room retain ops 0", nil, "3650"},
		{"room retain ops 3651", nil, "3650"},
		{"room archive ops --data x --admin-socket y", nil, "give one"},
		{"delete", nil, "arg"},
		{"delete 17 x", nil, "not a message id"},
		{"delete 0", nil, "not a message id"},
		{"delete " + strings.Repeat("1 ", 101), nil, "at most 100"},
		{"account", nil, "needs a command"},
		{"account create", nil, "arg"},
		{"account create bob", nil, "--password-file"},
		{"account create bob --password-file /does/not/exist", nil, "no such file"},
		{"login", nil, "--user"},
		{"login alice --user bob", nil, "two names"},
		{"login a/b", map[string]string{"PARLEY_PASSWORD": "x"}, "not an account name"},
		{"backup", nil, "arg"},
		{"backup x --data y --admin-socket z", nil, "give one"},
		{"backup verify", nil, "arg"},
		{"restore x", nil, "--data"},
		{"restore x --data y --name n1 --peer-address here", nil, "HOST:PORT"},
		{"recover --data x", nil, "--force-new-cluster"},
		{"recover --force-new-cluster", nil, "--data"},
		{"recover --force-new-cluster --data x", nil, "--yes"},
		{"cluster", nil, "needs a command"},
		{"cluster status --data x --admin-socket y", nil, "give one"},
		{"whoami --servers example.org:50051", map[string]string{"PARLEY_TOKEN": strings.Repeat("A", 43)}, "plain"},
		{"whoami --tls-cert x", map[string]string{"PARLEY_TOKEN": strings.Repeat("A", 43)}, "--tls-ca"},
		{"account profile", nil, "--display-name"},
		{"bot", nil, "needs a command"},
		{"bot create beeper --to bob", nil, "@bob"},
		{"cluster settings --registration sometimes", nil, "open, invite or closed"},
		{"cluster audit --limit 0", nil, "--limit"},
		{"cluster remove-user bob", nil, "--yes"},
		{"hook --to bob", nil, "@bob"},
		{"hook --to @bob --listen 0.0.0.0:1", nil, "--secret-file"},
		{"hook --to @bob --token-file /does/not/exist", nil, "no such file"},
		{"up --nodes 0", nil, "--nodes"},
		{"bench --ops fly", nil, "--ops"},
		{"bench --ops failover --servers 127.0.0.1:1", nil, "throwaway"},
		{"serve", nil, "--name"},
		{"serve --name n1 --data d --listen 0.0.0.0:1 --peer-listen 127.0.0.1:2", nil, "--advertise"},
		{"serve --name n1 --data d --listen 0.0.0.0:1 --advertise h:1 --peer-listen 127.0.0.1:2", nil, "--tls-dir"},
		{"serve --name n1 --data d --listen 127.0.0.1:1 --peer-listen 127.0.0.1:2 --cluster n2=h:2", nil, "does not name this node"},
		{"serve --name n1 --data d --listen 127.0.0.1 --peer-listen 127.0.0.1:2", nil, "HOST:PORT"},
		{"serve --name n1 --data d --listen 127.0.0.1:0 --peer-listen 127.0.0.1:2", nil, "cannot be 0"},
	} {
		e := map[string]string{}
		for k, v := range env {
			e[k] = v
		}
		for k, v := range tc.env {
			e[k] = v
		}
		a, out, errs := testApp(t, e)
		code := run(a, strings.Fields(tc.args))
		if code != exitUsage || !strings.Contains(errs.String(), tc.line) {
			t.Errorf("parley %s: exit %d, %q; want 2 and %q", tc.args, code, errs, tc.line)
		}
		if out.Len() != 0 || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("parley %s: stdout %q, stderr %q; want one line on stderr alone", tc.args, out, errs)
		}
	}
	if left, _ := os.ReadDir(home); len(left) != 0 {
		t.Errorf("a refused command line left %v behind", left)
	}
}

func TestNotLoggedInExits3(t *testing.T) {
	for _, args := range []string{"whoami", "users", "send @bob hi", "read", "tail", "delete 1", "logout", "sessions list",
		"cluster status", "cluster hash", "account blocks", "cluster audit", "hook --to @bob", "account show", "account delete --yes", "edit 1 x", "react 1 x", "pin 1", "pins @bob", "thread 1",
		"show 1", "mark @bob 1", "mute @bob", "mentions", "conversations", "export @bob", "room create ops", "room list",
		"room show ops", "room members ops", "room join ops", "room leave ops", "room invite ops bob", "room kick ops bob",
		"room ban ops bob", "room unban ops bob", "room promote ops bob", "room demote ops bob", "room topic ops x",
		"room rename ops x", "room archive ops", "room unarchive ops", "room private ops", "room public ops", "room retain ops 1"} {
		a, _, errs := testApp(t, map[string]string{"HOME": t.TempDir()})
		if code := run(a, strings.Fields(args)); code != exitAuth || !strings.Contains(errs.String(), "parley login") {
			t.Errorf("parley %s: exit %d, %q; want 3 and how to log in", args, code, errs)
		}
	}
}

func TestPasswordSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(file, []byte("from file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, file, env, stdin, want string
		code                         int
	}{
		{"file before environment", file, "from env", "", "from file", 0},
		{"environment", "", "from env ", "", "from env ", 0},
		{"stdin", "-", "", "from stdin\n", "from stdin", 0},
		{"an empty file", "-", "from env", "\n", "", exitUsage},
		{"none, and no terminal", "", "", "", "", exitUsage},
	} {
		a, _, _ := testApp(t, map[string]string{"PARLEY_PASSWORD": tc.env})
		a.in = strings.NewReader(tc.stdin)
		a.flags.passwordFile = tc.file
		got, err := a.password(t.Context(), a.passwordOf("password", true))
		code := 0
		if err != nil {
			code, _ = classify(err)
		}
		if got != tc.want || code != tc.code {
			t.Errorf("%s: %q, exit %d (%v); want %q, %d", tc.name, got, code, err, tc.want, tc.code)
		}
	}
}

func TestServersComeFromFlagThenEnvironmentThenUp(t *testing.T) {
	for _, tc := range []struct {
		args []string
		env  string
		want string
	}{
		{nil, "", "127.0.0.1:50051 127.0.0.1:50052 127.0.0.1:50053 127.0.0.1:50054 127.0.0.1:50055"},
		{nil, "a:1,b:2", "a:1 b:2"},
		{[]string{"--servers", "c:3,d:4"}, "a:1", "c:3 d:4"},
	} {
		a, _, _ := testApp(t, map[string]string{"PARLEY_SERVERS": tc.env})
		if code := run(a, append(tc.args, "version")); code != 0 {
			t.Fatalf("exit %d", code)
		}
		if got := strings.Join(a.flags.servers, " "); got != tc.want {
			t.Errorf("%v with PARLEY_SERVERS=%q: %q, want %q", tc.args, tc.env, got, tc.want)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	const id = "0195f7f0-0000-7000-8000-000000000001"
	if got := resolveRequestID(strings.ToUpper(id)); got != id {
		t.Errorf("a UUID became %s", got)
	}
	// Pinned: the same text must name the same request in every version.
	if got := resolveRequestID("backup-2026-11-24"); got != "4514cf2a-f9d1-589f-91f4-9fd1ec527ad6" {
		t.Errorf("a text became %s", got)
	}
	if a, b := resolveRequestID(""), resolveRequestID(""); a == b || a[14] != '7' {
		t.Errorf("fresh ids %s and %s", a, b)
	}
}

func TestMessageTextFromStdinIsOneMessage(t *testing.T) {
	for in, want := range map[string]string{"one\ntwo\n": "one\ntwo", "x": "x", "": "", "a\r\n": "a", "a\n\n": "a\n"} {
		for _, args := range [][]string{nil, {"-"}} {
			a, _, _ := testApp(t, nil)
			a.in = strings.NewReader(in)
			if got, err := a.messageText(args); err != nil || got != want {
				t.Errorf("stdin %q, args %v: %q, %v; want %q", in, args, got, err, want)
			}
		}
	}
}

func TestReadRangesCoverWhatWasWritten(t *testing.T) {
	msg := func(conv string, seq uint64, unread bool) *parleyv1.Message {
		return &parleyv1.Message{Conversation: conv, Seq: seq, Unread: unread}
	}
	got := readRanges([]*parleyv1.Message{
		msg("@a", 4, false), msg("@b", 9, true), msg("@a", 5, true), msg("@c", 1, false), msg("@a", 7, false), msg("@b", 10, true),
	})
	if len(got) != 2 {
		t.Fatalf("got %v, want ranges for @a and @b: nothing in @c was unread", got)
	}
	for i, want := range []*parleyv1.ReadRange{
		{Conversation: "@a", FromSeq: 4, ToSeq: 7}, {Conversation: "@b", FromSeq: 9, ToSeq: 10},
	} {
		if got[i].String() != want.String() {
			t.Errorf("range %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestHashesAreJudged(t *testing.T) {
	h := func(name string, applied uint64, hash string) *parleyv1.MemberHash {
		m := &parleyv1.MemberHash{Name: name, Applied: applied, Hash: hash}
		if hash == "" {
			m.Error = "did not answer"
		}
		return m
	}
	for _, tc := range []struct {
		name    string
		members []*parleyv1.MemberHash
		code    int
		errs    string
	}{
		{"all agree", []*parleyv1.MemberHash{h("n1", 9, "aa"), h("n2", 9, "aa"), h("n3", 9, "aa")}, exitDone, ""},
		{"a quorum agrees", []*parleyv1.MemberHash{h("n1", 9, "aa"), h("n2", 0, ""), h("n3", 9, "aa")}, exitDone, "n2"},
		{"one differs", []*parleyv1.MemberHash{h("n1", 9, "aa"), h("n2", 9, "ab"), h("n3", 9, "aa")}, exitFailed, "differ"},
		{"another index", []*parleyv1.MemberHash{h("n1", 9, "aa"), h("n2", 8, "aa"), h("n3", 9, "aa")}, exitFailed, "differ"},
		{"no quorum", []*parleyv1.MemberHash{h("n1", 9, "aa"), h("n2", 0, ""), h("n3", 0, "")}, exitFailed, "no quorum"},
	} {
		a, out, errs := testApp(t, nil)
		a.flags.output = outputJSON
		code := a.report(a.printHashes(&parleyv1.StateHashResponse{Voters: 3, Members: tc.members}))
		if code != tc.code || !strings.Contains(errs.String(), tc.errs) {
			t.Errorf("%s: exit %d, %q; want %d and %q", tc.name, code, errs, tc.code, tc.errs)
		}
		if !strings.HasPrefix(out.String(), `{"name":"n1","applied":9,"hash":"aa"}`+"\n") {
			t.Errorf("%s: %q", tc.name, out)
		}
	}
}
