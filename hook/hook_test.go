package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// sender keeps what was sent as a cluster does: by request id, once.
type sender struct {
	err  error
	sent map[string]string
}

func (s *sender) SendMessage(_ context.Context, r *parleyv1.SendMessageRequest) (*parleyv1.SendMessageResponse, error) {
	if s.err != nil {
		return nil, s.err
	}
	if was, ok := s.sent[r.RequestId]; ok && was != r.Text {
		return nil, &client.Error{Reason: "REQUEST_ID_REUSED", Message: "used for another"}
	}
	s.sent[r.RequestId] = r.Text
	return &parleyv1.SendMessageResponse{Id: 17}, nil
}

type rig struct {
	t      *testing.T
	sender *sender
	now    time.Time
	h      *Handler
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, sender: &sender{sent: map[string]string{}}, now: time.Unix(1_800_000_000, 0)}
	o.Sender, o.Conversation, o.Logger = r.sender, "#ops", slog.New(slog.DiscardHandler)
	o.Now = func() time.Time { return r.now }
	r.h = New(o)
	return r
}

// post returns the answer to a delivery; headers are "Name: value".
func (r *rig) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	return w
}

// only returns the one message that was sent.
func (r *rig) only() string {
	r.t.Helper()
	if len(r.sender.sent) != 1 {
		r.t.Fatalf("sent %q, want one message", r.sender.sent)
	}
	for _, text := range r.sender.sent {
		return text
	}
	return ""
}

const (
	jsonType = "Content-Type: application/json"
	secret   = "a secret of some length"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Each form of delivery has one wording; these are what people read at night.
func TestWhatIsSaid(t *testing.T) {
	for _, tc := range []struct {
		file, event, want string
	}{
		{"alertmanager.json", "", "[FIRING:3] DiskFull: a disk is nearly full\n" +
			"- 95 % of / (instance=web1) since 2026-11-27 20:00 UTC\n" +
			"- resolved (instance=web2) until 2026-11-27 20:05 UTC\nand 1 more\nhttps://runbooks.example/disk"},
		{"push.json", "push", "ann pushed 2 commits to main of acme/rocket\n- 0123456 Fix the fins (Ann)\n" +
			"- 89abcde Paint @\u2060room red (Ben)\nhttps://github.example/acme/rocket/compare/a...b"},
		{"pull_request.json", "pull_request", "ben merged pull request #7 of acme/rocket: Longer fins\nhttps://github.example/acme/rocket/pull/7"},
		{"issue.json", "issues", "ann opened issue #8 of acme/rocket: It does not fly\nhttps://github.example/acme/rocket/issues/8"},
		{"workflow_run.json", "workflow_run", "ci of acme/rocket at main 0123456: failure\nhttps://github.example/acme/rocket/actions/runs/1"},
		{"release.json", "release", "ann released v1.0 (One) of acme/rocket\nhttps://github.example/acme/rocket/releases/v1.0"},
		{"ping.json", "ping", "GitHub tells of acme/rocket here from now on"},
	} {
		t.Run(tc.file, func(t *testing.T) {
			r := newRig(t, Options{})
			headers := []string{jsonType}
			if tc.event != "" {
				headers = append(headers, headerEvent+": "+tc.event, headerDelivery+": 1")
			}
			if w := r.post("/", testdata(t, tc.file), headers...); w.Code != http.StatusOK {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			if got := r.only(); got != tc.want {
				t.Errorf("said\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestWhatIsNotSaid(t *testing.T) {
	r := newRig(t, Options{})
	for _, tc := range []struct{ event, body string }{
		{"star", `{"action":"created"}`}, {"issues", `{"action":"labeled"}`}, {"workflow_run", `{"action":"requested"}`},
		{"pull_request", `{"action":"synchronize"}`}, {"release", `{"action":"edited"}`},
	} {
		w := r.post("/", tc.body, jsonType, headerEvent+": "+tc.event, headerDelivery+": 1")
		if w.Code != http.StatusNoContent || len(r.sender.sent) != 0 {
			t.Errorf("%s %s: %d, sent %v", tc.event, tc.body, w.Code, r.sender.sent)
		}
	}
}

// A delivery that is posted again is one message; another one is another.
func TestRepeatedDeliveries(t *testing.T) {
	r := newRig(t, Options{})
	alerts := testdata(t, "alertmanager.json")
	count := func(want int, what string, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code != http.StatusOK || len(r.sender.sent) != want {
			t.Errorf("%s: answered %d %s, %d messages, want %d", what, w.Code, w.Body, len(r.sender.sent), want)
		}
	}
	count(1, "first", r.post("/", alerts, jsonType))
	r.now = r.now.Add(RepeatWindow / 2)
	count(1, "again", r.post("/", alerts, jsonType))
	count(2, "resolved", r.post("/", strings.ReplaceAll(alerts, `"firing"`, `"resolved"`), jsonType))
	count(3, "another alert", r.post("/", strings.Replace(alerts, "aaaa", "bbbb", 1), jsonType))
	r.now = r.now.Add(4 * time.Hour)
	count(4, "a reminder", r.post("/", alerts, jsonType))

	issue := testdata(t, "issue.json")
	github := func(id string) *httptest.ResponseRecorder {
		return r.post("/", issue, jsonType, headerEvent+": issues", headerDelivery+": "+id)
	}
	count(5, "github", github("1"))
	r.now = r.now.Add(24 * time.Hour)
	count(5, "github again", github("1"))
	count(6, "github anew", github("2"))

	count(7, "text", r.post("/", "done"))
	count(8, "text again, which nothing names", r.post("/", "done"))
	count(9, "named text", r.post("/", "done", "Idempotency-Key: backup-1"))
	count(9, "named text again", r.post("/", "done", "Idempotency-Key: backup-1"))
	count(9, "named text of another wording", r.post("/", "all done", "Idempotency-Key: backup-1"))
}

// Pinned: a delivery of today must name the same request in every version.
func TestRequestIDsStay(t *testing.T) {
	const wantID = "360eafb5-d02a-553d-90b8-7b52160fc689"
	r := newRig(t, Options{})
	r.post("/", "done", "Idempotency-Key: backup-1")
	for id := range r.sender.sent {
		if id != wantID {
			t.Errorf("the request id is %s, was %s", id, wantID)
		}
	}
}

func TestWhoMayPost(t *testing.T) {
	sign := func(body, key string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		return headerSignature + ": sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	const body = `{"zen":"x","repository":{"full_name":"a/b"}}`
	github := []string{jsonType, headerEvent + ": ping", headerDelivery + ": 1"}
	both := Options{Path: "/hook", Secret: []byte(secret), GitHubSecret: []byte("signs")}
	for _, tc := range []struct {
		name    string
		o       Options
		path    string
		headers []string
		code    int
	}{
		{"nothing asked", Options{}, "/", nil, 200},
		{"nothing asked, another path", Options{}, "/x", nil, 404},
		{"bearer", both, "/hook", []string{"Authorization: Bearer " + secret}, 200},
		{"bearer, with a slash", both, "/hook/", []string{"Authorization: bearer " + secret}, 200},
		{"wrong bearer", both, "/hook", []string{"Authorization: Bearer x"}, 401},
		{"no bearer", both, "/hook", nil, 401},
		{"in the path", both, "/hook/" + strings.ReplaceAll(secret, " ", "%20"), nil, 200},
		{"wrong in the path", both, "/hook/x", nil, 404},
		{"above the path", both, "/", nil, 404},
		{"signed", both, "/hook", append([]string{sign(body, "signs")}, github...), 200},
		{"signed by another", both, "/hook", append([]string{sign(body, "sings")}, github...), 401},
		{"signed, of another body", both, "/hook", append([]string{sign(body+" ", "signs")}, github...), 401},
		{"not signed", both, "/hook", github, 401},
		{"not signed, with the secret", both, "/hook", append([]string{"Authorization: Bearer " + secret}, github...), 401},
		{"text where GitHub alone may", Options{GitHubSecret: []byte("signs")}, "/", nil, 401},
		{"GitHub where a secret is asked", Options{Secret: []byte(secret)}, "/", github, 401},
	} {
		r := newRig(t, tc.o)
		w := r.post(tc.path, body, tc.headers...)
		if w.Code != tc.code {
			t.Errorf("%s: answered %d %s, want %d", tc.name, w.Code, w.Body, tc.code)
		}
		if n := len(r.sender.sent); (n == 1) != (tc.code == 200) {
			t.Errorf("%s: %d messages", tc.name, n)
		}
	}
}

func TestRefusedDeliveries(t *testing.T) {
	r := newRig(t, Options{})
	for _, tc := range []struct {
		name, body string
		headers    []string
		code       int
	}{
		{"no text", " \n", nil, 400},
		{"control characters alone", "\x00\x1b", nil, 400},
		{"other JSON", `{"x":1}`, []string{jsonType}, 400},
		{"broken JSON", `{"alerts":`, []string{jsonType}, 400},
		{"a form of GitHub", "payload=%7B%7D", []string{"Content-Type: application/x-www-form-urlencoded", headerEvent + ": push",
			headerDelivery + ": 1"}, 400},
		{"GitHub without a delivery", "{}", []string{jsonType, headerEvent + ": push"}, 400},
		{"a long key", "x", []string{"Idempotency-Key: " + strings.Repeat("k", MaxKeyBytes+1)}, 400},
		{"too large", strings.Repeat("x", MaxBodyBytes+1), nil, 413},
	} {
		if w := r.post("/", tc.body, tc.headers...); w.Code != tc.code {
			t.Errorf("%s: answered %d %s, want %d", tc.name, w.Code, w.Body, tc.code)
		}
	}
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a GET: %d", w.Code)
	}
	if len(r.sender.sent) != 0 {
		t.Errorf("sent %v", r.sender.sent)
	}
}

// What is not committed is told so, with when to come back.
func TestUncommittedIsAnswered503(t *testing.T) {
	r := newRig(t, Options{})
	r.sender.err = errors.New("no quorum")
	w := r.post("/", "x")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" {
		t.Errorf("answered %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	for range MaxDeliveries {
		r.h.under <- struct{}{}
	}
	r.sender.err = nil
	if w := r.post("/", "x"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many is answered %d", w.Code)
	}
	<-r.h.under
	if w := r.post("/", "x"); w.Code != http.StatusOK {
		t.Errorf("the next is answered %d", w.Code)
	}
}

func TestTextIsCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\tc":             "a\nb\tc",
		"red \x1b[31mtext\a":    "red [31mtext",
		"a\u202eb\u2066c\u0085": "abc",
		"bad \xff":              "bad \ufffd",
		"  x \n":                "x",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	for _, s := range []string{strings.Repeat("ä", MaxTextBytes), strings.Repeat("x", MaxTextBytes+1)} {
		got := clean(s)
		if len(got) > MaxTextBytes || len(got) < MaxTextBytes-4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
	}
	if got := clean(strings.Repeat("x", MaxTextBytes)); len(got) != MaxTextBytes || strings.HasSuffix(got, "…") {
		t.Errorf("what fits was cut to %d", len(got))
	}
}
