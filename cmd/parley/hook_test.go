package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHookCarriesDeliveriesIntoARoom: from the post over HTTP to what a member reads, once though it is posted twice; and a
// cluster that is gone is told as 503.
func TestHookCarriesDeliveriesIntoARoom(t *testing.T) {
	c := startTestCluster(t, 1)
	dir := t.TempDir()
	env := []string{"PARLEY_SERVERS=" + c.Addresses()[0], "PARLEY_PASSWORD=correct horse", "XDG_STATE_HOME=" + dir}
	parley := func(args ...string) {
		t.Helper()
		if r := startParley(t, env, args...); r.exit() != 0 {
			t.Fatalf("parley %s: %s", strings.Join(args, " "), r.errs)
		}
	}
	tokenFile, secretFile := filepath.Join(dir, "token"), filepath.Join(dir, "secret")
	const secret = "0123456789abcdef"
	if err := os.WriteFile(secretFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parley("account", "create", "ann")
	parley("login", "--user", "ann")
	parley("bot", "create", "alerts", "--to", "@ann", "--token-file", tokenFile)

	hook := startParley(t, env, "hook", "--to", "@ann", "--token-file", tokenFile, "--secret-file", secretFile, "--listen",
		"127.0.0.1:0", "--timeout", "2s", "-o", "json")
	var listening struct{ Address, To string }
	if err := json.Unmarshal([]byte(hook.line()), &listening); err != nil || listening.To != "@ann" {
		t.Fatalf("%+v, %v: %s", listening, err, hook.errs)
	}
	post := func(secret, key string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listening.Address+"/",
			strings.NewReader("the backup is done"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		req.Header.Set("Idempotency-Key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	for range 2 {
		if resp := post(secret, "monday"); resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %s: %s", resp.Status, hook.errs)
		}
	}
	if resp := post("another", "monday"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a wrong secret: %s", resp.Status)
	}
	read := startParley(t, env, "read", "@alerts", "-o", "json")
	var m messageJSON
	if err := json.Unmarshal([]byte(read.line()), &m); err != nil || m.Sender != "alerts" || m.Text != "the backup is done" || m.Seq != 1 {
		t.Errorf("ann reads %+v, %v", m, err)
	}
	if rest, err := read.lines.ReadString('\n'); err == nil {
		t.Errorf("and reads on: %s", rest)
	}
	read.exit()

	if _, err := c.Kill(c.Nodes()[0].Name); err != nil {
		t.Fatal(err)
	}
	if resp := post(secret, "tuesday"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("without a cluster: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	hook.signal(syscall.SIGTERM)
	if code := hook.exit(); code != 0 {
		t.Errorf("hook ended with %d: %s", code, hook.errs)
	}
}
