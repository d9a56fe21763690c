package main

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
)

func TestMomentsThatPeopleWrite(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, zone)
	for s, want := range map[string]time.Time{
		"2026-01-31":                time.Date(2026, 1, 31, 0, 0, 0, 0, zone),
		"2026-01-31 14:05":          time.Date(2026, 1, 31, 14, 5, 0, 0, zone),
		"2026-01-31T14:05:09":       time.Date(2026, 1, 31, 14, 5, 9, 0, zone),
		"2026-01-31T14:05:00Z":      time.Date(2026, 1, 31, 14, 5, 0, 0, time.UTC),
		"2026-01-31T14:05:00+05:00": time.Date(2026, 1, 31, 9, 5, 0, 0, time.UTC),
		"90m":                       now.Add(-90 * time.Minute),
		"3d":                        now.AddDate(0, 0, -3),
	} {
		if got, err := parseMoment(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "yesterday", "d", "-3d", "-1h", "0s", "2026-13-01", "3"} {
		if got, err := parseMoment(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestNamesOfRoomsAndAccounts(t *testing.T) {
	for s, want := range map[string]string{"ops": "#ops", "#ops": "#ops", "#OPS": "#ops", "": "", "#": "", "##ops": "", "@ops": "", "a b": "",
		strings.Repeat("x", 33): ""} {
		if got, err := roomName(s); got != want || (err == nil) != (want != "") {
			t.Errorf("room %q is %q, %v; want %q", s, got, err, want)
		}
	}
	for s, want := range map[string]string{"bob": "bob", "@Bob": "bob", "": "", "@": "", "#bob": ""} {
		if got, err := accountName(s); got != want || (err == nil) != (want != "") {
			t.Errorf("account %q is %q, %v; want %q", s, got, err, want)
		}
	}
}

// What comes from others is cleaned in every line that a person sees, whichever event brings it.
func TestLinesAreClean(t *testing.T) {
	const evil = "\x1b[31m\u202e\n\x07"
	m := &parleyv1.Message{Id: 1, Conversation: "#" + evil, Sender: evil, Text: evil, Edits: 1, Pinned: true, ThreadId: 3, Replies: 2,
		Reactions: []*parleyv1.Reaction{{Emoji: evil, Count: 1}}}
	room := &parleyv1.Room{Name: "#" + evil, Topic: evil}
	a, out, _ := testApp(t, nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.printMessage(m, nil))
	must(a.printRoom(room, nil))
	must(a.printRoomDone("created "+evil, room))
	must(a.printConversation(&parleyv1.Conversation{Name: "#" + evil, LastMessage: m, Room: room, Mentions: 1, Unread: 2,
		Mute: parleyv1.Mute_MUTE_ALL}, nil))
	must(a.printf("%s", shownLines(&parleyv1.GetMessageResponse{Message: m, Earlier: []*parleyv1.EarlierText{{Text: evil}},
		Annotations: []*parleyv1.Annotation{{Value: evil, Username: evil}, {Kind: parleyv1.AnnotationKind_ANNOTATION_KIND_PIN}}})))
	for _, e := range []*parleyv1.Event{
		{Change: &parleyv1.Event_MessageEdited{MessageEdited: m}},
		{Change: &parleyv1.Event_MessageDeleted{MessageDeleted: &parleyv1.MessageDeleted{Conversation: evil}}},
		{Change: &parleyv1.Event_MessageAnnotated{MessageAnnotated: &parleyv1.MessageAnnotated{Conversation: evil, Value: evil, Username: evil}}},
		{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{Room: room, OldName: evil, Username: evil}}},
		{Change: &parleyv1.Event_RoomChanged{RoomChanged: &parleyv1.RoomChanged{Room: room}}},
		{Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{Conversation: evil, Username: evil, By: "x"}}},
		{Change: &parleyv1.Event_UserDeleted{UserDeleted: &parleyv1.UserDeleted{Conversation: evil, Username: evil}}},
		{},
	} {
		must(a.printEvent(e, "", false))
	}
	var md bytes.Buffer
	must((&markdown{name: evil}).write(&md, m))
	for _, s := range []string{out.String(), md.String()} {
		if i := strings.IndexAny(s, "\x1b\u202e\x07"); i >= 0 {
			t.Errorf("%q at %d of %q", s[i], i, s)
		}
	}
}

func TestEventsForScriptsAreAskedFor(t *testing.T) {
	e := &parleyv1.Event{Cursor: "c", Change: &parleyv1.Event_MembershipChanged{MembershipChanged: &parleyv1.MembershipChanged{
		Conversation: "#ops", Username: "bob", By: "alice", Membership: parleyv1.Membership_MEMBERSHIP_BANNED}}}
	for _, tc := range []struct {
		to    string
		asked bool
		want  string
	}{
		{"", false, ""},
		{"#dev", true, ""},
		{"#ops", true, `{"event":"membership","conversation":"#ops","username":"bob","by":"alice","membership":"banned","cursor":"c"}` + "\n"},
	} {
		a, out, _ := testApp(t, nil)
		a.flags.output = outputJSON
		if err := a.printEvent(e, tc.to, tc.asked); err != nil || out.String() != tc.want {
			t.Errorf("%+v: %q, %v", tc, out, err)
		}
	}
}

func TestMembershipInWords(t *testing.T) {
	for _, tc := range []struct {
		m    parleyv1.Membership
		by   string
		want string
	}{
		{member, "bob", "bob joined"}, {member, "alice", "bob is a member, by alice"}, {noMember, "bob", "bob left"},
		{noMember, "alice", "bob was put out, by alice"}, {banned, "alice", "bob was banned, by alice"},
		{invited, "alice", "bob was invited, by alice"}, {moderator, "alice", "bob is moderator now, by alice"},
		{owner, "alice", "bob is owner now, by alice"}, {noMember, "", "bob left"},
	} {
		if got := membershipWords(&parleyv1.MembershipChanged{Username: "bob", By: tc.by, Membership: tc.m}); got != tc.want {
			t.Errorf("%v by %q: %q, want %q", tc.m, tc.by, got, tc.want)
		}
	}
}

// A text cannot break out of its quotation, whatever Markdown is in it.
func TestMarkdownQuotesTexts(t *testing.T) {
	d := &markdown{name: "#ops"}
	var b bytes.Buffer
	at := time.Date(2026, 11, 27, 23, 59, 0, 0, time.UTC)
	for i, m := range []*parleyv1.Message{
		{Id: 1, Sender: "a_b", Text: "one\n# two\n\n- three", Time: timestamppb.New(at)},
		{Id: 2, Sender: "bob", Deleted: true, Time: timestamppb.New(at.Add(2 * time.Minute))},
	} {
		if err := d.write(&b, m); err != nil {
			t.Fatal(i, err)
		}
	}
	const want = `# #ops

## 2026-11-27

**a\_b** 23:59:00, message 1

> one
> # two
> 
> - three

## 2026-11-28

**bob** 00:01:00, message 2

> *(deleted)*
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

// A shell that asks for names hears nothing, and soon, from a node that takes connections and never answers.
func TestCompletionGivesUpSoon(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, args := range [][]string{{"room", "join", ""}, {"send", ""}, {"room", "invite", "ops", "b"}} {
		a, out, errs := testApp(t, map[string]string{"HOME": t.TempDir(), "PARLEY_SERVERS": l.Addr().String(),
			"PARLEY_TOKEN": strings.Repeat("A", 43)})
		began := time.Now()
		code := run(a, append([]string{"__complete"}, args...))
		if code != 0 || !strings.HasPrefix(out.String(), ":") || strings.Contains(errs.String(), "parley:") {
			t.Errorf("%v: exit %d, %q, %q; want no word", args, code, out, errs)
		}
		if took := time.Since(began); took > 5*completionTimeout {
			t.Errorf("%v took %s", args, took)
		}
	}
}

// A name that is taken is refused before a node is asked for anything.
func TestExportToAFileThatExistsAsksNobody(t *testing.T) {
	path := t.TempDir() + "/out"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a, _, errs := testApp(t, map[string]string{"HOME": t.TempDir(), "PARLEY_SERVERS": "127.0.0.1:1"})
	if code := run(a, []string{"export", "@bob", "--to", path}); code != exitFailed || !strings.Contains(errs.String(), "exists") {
		t.Errorf("exit %d, %q", code, errs)
	}
}
