package main

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

const nasty = "a\x1b[31m\x9bb\u009bc\x7f\u202e\u2066d\u2028e\x00\nf\tg\xff"

func TestSanitizeLeavesNothingThatATerminalActsOn(t *testing.T) {
	got := sanitize(nasty)
	for _, r := range got {
		if unsafeRune(r) && r != '\n' && r != '\t' {
			t.Errorf("%q still holds %U", got, r)
		}
	}
	for _, keep := range []string{"a", "b", "\n", "\t", "g"} {
		if !strings.Contains(got, keep) {
			t.Errorf("%q lost %q", got, keep)
		}
	}
	if s := "Grüße, 世界 👩‍👩‍👧 שלום"; sanitize(s) != s {
		t.Errorf("%q became %q: text in any language must stay as it is", s, sanitize(s))
	}
	if sanitizeLine("a\nb\tc") != "a b c" {
		t.Errorf("a line of %q", sanitizeLine("a\nb\tc"))
	}
}

func TestJSONIsOneLineThatATerminalDoesNotActOnAndReadsBackTheSame(t *testing.T) {
	in := strings.ToValidUTF8(nasty, "") + "<&>"
	line, err := jsonLine(map[string]string{"text": in})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(line), "\n") != 1 || !strings.HasSuffix(string(line), "\n") {
		t.Errorf("not one line: %q", line)
	}
	for _, r := range strings.TrimSuffix(string(line), "\n") {
		if unsafeRune(r) {
			t.Errorf("%q holds %U", line, r)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(line, &back); err != nil {
		t.Fatal(err)
	}
	if back["text"] != in {
		t.Errorf("read back %q, want %q", back["text"], in)
	}
	if !strings.Contains(string(line), "<&>") {
		t.Errorf("HTML was escaped in %q", line)
	}
}

func TestMessageOfSeveralLinesDoesNotLookLikeSeveralMessages(t *testing.T) {
	line := messageLine(&parleyv1.Message{
		Id: 17, Conversation: "@bob", Sender: "bob", Text: "one\n    18  forged", Time: timestamppb.Now(), Unread: true,
	})
	rows := strings.Split(line, "\n")
	if len(rows) != 2 || !strings.HasPrefix(rows[1], "        18") || !strings.HasPrefix(rows[0], "•") {
		t.Errorf("got %q", line)
	}
	if got := messageLine(&parleyv1.Message{Id: 1, Deleted: true}); !strings.HasSuffix(got, "(deleted)") {
		t.Errorf("a placeholder prints as %q", got)
	}
}

func TestStatusHasTheFieldsThatScriptsRelyOn(t *testing.T) {
	st := &parleyv1.StatusResponse{Term: 4, Quorum: true, Leader: "n2", Members: []*parleyv1.Member{{
		Name: "n1", Address: "127.0.0.1:50051", Role: parleyv1.MemberRole_MEMBER_ROLE_VOTER, Reachable: true, Applied: 97,
	}}}
	line, err := jsonLine(toStatusJSON(st, false))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"leader":"n2","term":4,"quorum":true,"members":[{"name":"n1","address":"127.0.0.1:50051","role":"voter","reachable":true,"applied":97,`
	if !strings.HasPrefix(string(line), want) {
		t.Errorf("got  %s\nwant %s…", line, want)
	}
	if strings.Contains(string(line), "age_ms") {
		t.Error("age_ms without --local")
	}
	line, _ = jsonLine(toStatusJSON(&parleyv1.StatusResponse{}, true))
	if s := string(line); !strings.HasPrefix(s, `{"leader":null,`) || !strings.Contains(s, `"members":[]`) || !strings.Contains(s, `"age_ms":0`) {
		t.Errorf("without a leader: %s", s)
	}
}

func TestMessageHasTheFieldsThatScriptsRelyOn(t *testing.T) {
	a, out, _ := testApp(t, nil)
	a.flags.output = outputJSON
	age := uint64(12)
	m := &parleyv1.Message{
		Id: 17, Conversation: "@bob", Seq: 3, Sender: "alice", Text: "hi", Unread: true, Cursor: "c1",
		Time: &timestamppb.Timestamp{Seconds: 1_800_000_000, Nanos: 5_000_000},
	}
	if err := a.printMessage(m, nil); err != nil {
		t.Fatal(err)
	}
	m.Deleted, m.Text = true, ""
	if err := a.printMessage(m, &age); err != nil {
		t.Fatal(err)
	}
	const want = `{"id":17,"conversation":"@bob","seq":3,"sender":"alice","text":"hi","time":"2027-01-15T08:00:00.005Z","unread":true,"cursor":"c1"}
{"id":17,"conversation":"@bob","seq":3,"sender":"alice","text":"","time":"2027-01-15T08:00:00.005Z","unread":true,"cursor":"c1","deleted":true,"age_ms":12}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}
