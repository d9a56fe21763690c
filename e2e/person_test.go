package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/e2e/cluster"
	"parley/e2e/load"
)

// Exit codes of the binary; scripts rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDenied      = 3
	exitNotFound    = 4
	exitNotApplied  = 5
	exitUnknownFate = 6
)

// person uses the binary as somebody at a shell would: with a state directory of their own and a list of servers.
type person struct {
	t       *testing.T
	name    string
	state   string
	servers []string
}

// row is one line of JSON output; the fields that scripts rely on.
type row struct {
	ID           uint64 `json:"id"`
	Conversation string `json:"conversation"`
	Seq          uint64 `json:"seq"`
	Sender       string `json:"sender"`
	Text         string `json:"text"`
	Time         string `json:"time"`
	Unread       bool   `json:"unread"`
	Cursor       string `json:"cursor"`
	RequestID    string `json:"request_id"`
	Username     string `json:"username"`
	DisplayName  string `json:"display_name"`
	AgeMS        *int64 `json:"age_ms"`
}

// newPerson creates the account and logs it in, over the servers given.
func newPerson(t *testing.T, name string, servers []string) *person {
	t.Helper()
	p := &person{t: t, name: name, state: t.TempDir(), servers: servers}
	p.ok("account", "create", name)
	p.ok("login", "--user", name)
	return p
}

// through is the same person with other servers, or the same ones in another order.
func (p *person) through(nodes ...*cluster.Node) *person {
	q := *p
	q.servers = nil
	for _, n := range nodes {
		q.servers = append(q.servers, n.Address)
	}
	return &q
}

// command is the binary with the person's environment.
func (p *person) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = []string{
		"HOME=" + p.state, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color",
		"XDG_STATE_HOME=" + filepath.Join(p.state, "state"), "XDG_CONFIG_HOME=" + filepath.Join(p.state, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(p.state, "cache"),
		"PARLEY_SERVERS=" + strings.Join(p.servers, ","), "PARLEY_PASSWORD=" + load.Password,
	}
	return cmd
}

// run runs the binary and returns what it printed and its exit code.
func (p *person) run(args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	cmd := p.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("parley %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs the binary, which must succeed, and returns what it printed.
func (p *person) ok(args ...string) string {
	p.t.Helper()
	return p.exits(exitDone, args...)
}

// exits runs the binary, which must end with that code, and returns what it printed. A failure must say why on one line.
func (p *person) exits(want int, args ...string) string {
	p.t.Helper()
	out, errs, code := p.run(args...)
	if code != want {
		p.t.Fatalf("%s: parley %s: want exit code %d, got %d\nstdout: %s\nstderr: %s",
			p.name, strings.Join(args, " "), want, code, out, errs)
	}
	if lines := strings.Count(strings.TrimSpace(errs), "\n") + 1; want != exitDone && (errs == "" || lines != 1) {
		p.t.Errorf("%s: parley %s: want one line on stderr, got %q", p.name, strings.Join(args, " "), errs)
	}
	return out
}

// rows runs the binary with -o json, which must succeed, and returns its lines.
func (p *person) rows(args ...string) []row {
	p.t.Helper()
	return parseRows(p.t, p.ok(append(args, "-o", "json")...))
}

// send sends a message and returns its row.
func (p *person) send(to, text string, flags ...string) row {
	p.t.Helper()
	rs := p.rows(append([]string{"send", to, text}, flags...)...)
	if len(rs) != 1 {
		p.t.Fatalf("send: want one line, got %v", rs)
	}
	return rs[0]
}

func parseRows(t *testing.T, out string) []row {
	t.Helper()
	var rs []row
	for line := range strings.Lines(out) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("want one JSON object a line, got %q: %v", line, err)
		}
		rs = append(rs, r)
	}
	return rs
}

// texts are the texts of the rows, for comparisons.
func texts(rs []row) string {
	var ts []string
	for _, r := range rs {
		ts = append(ts, r.Text)
	}
	return strings.Join(ts, ",")
}

func wantTexts(t *testing.T, what string, rs []row, want ...string) {
	t.Helper()
	if got := texts(rs); got != strings.Join(want, ",") {
		t.Errorf("%s: want %s, got %s", what, strings.Join(want, ","), got)
	}
}

func sprintIDs(rs []row) []string {
	var ids []string
	for _, r := range rs {
		ids = append(ids, fmt.Sprint(r.ID))
	}
	return ids
}

func newID(t *testing.T) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}
