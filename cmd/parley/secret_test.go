package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"parley/api/client"
	"parley/local"
)

// shell runs a script with parley in PATH, on a state directory of its own, and returns what it wrote and its exit code.
func shell(t *testing.T, c *local.Cluster, home, script string, env ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state"), "XDG_RUNTIME_DIR=" + home,
		"XDG_DATA_HOME=" + filepath.Join(home, "share"), "PARLEY_SERVERS=" + strings.Join(c.Addresses(), ","), "PARLEY_PASSWORD=correct horse",
	}, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// secretsOnDisk are the files below dir that hold one of the tokens.
func secretsOnDisk(t *testing.T, dir string, tokens ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, token := range tokens {
			if strings.Contains(string(data), token) {
				found = append(found, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFeatureSecretsInKeyring: with --keyring the session's token is in the system's secret service, and in no file; without one
// nothing is kept, nothing hangs, and no file takes the token instead.
func TestFeatureSecretsInKeyring(t *testing.T) {
	c := startTestCluster(t, 1)
	home := t.TempDir()
	if out, code := shell(t, c, home, "parley account create alice"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}

	t.Run("no keyring", func(t *testing.T) {
		home := t.TempDir()
		out, code := shell(t, c, home, "parley login --keyring alice", "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(home, "none"))
		if code != exitFailed || !strings.Contains(out, "without --keyring") {
			t.Errorf("exit code %d: %s", code, out)
		}
		if _, err := os.Stat(filepath.Join(home, "state", "parley", "sessions", "alice.token")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a token was kept in a file: %v", err)
		}
	})

	t.Run("a silent keyring", func(t *testing.T) {
		home := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(home, "bus")) // it takes the connection and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		began := time.Now()
		out, code := shell(t, c, home, "parley login --keyring alice", "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(home, "bus"))
		if took := time.Since(began); code != exitFailed || !strings.Contains(out, "does not answer within 2s") || took > 20*time.Second {
			t.Errorf("after %s, exit code %d: %s", took, code, out)
		}
	})

	t.Run("secret service", func(t *testing.T) {
		for _, program := range []string{"dbus-run-session", "dbus-send", "gnome-keyring-daemon"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("no secret service to try: %v (Debian: apt-get install dbus gnome-keyring)", err)
			}
		}
		home := t.TempDir()
		out, code := shell(t, c, home, `exec dbus-run-session -- /bin/sh -ec '
			pid=
			printf pw | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1
			tries=0 # the daemon is on the bus a moment after it returned
			while [ -z "$pid" ] && [ $tries -lt 100 ]; do
				tries=$((tries + 1))
				pid=$(dbus-send --session --print-reply --dest=org.freedesktop.DBus / \
					org.freedesktop.DBus.GetConnectionUnixProcessID string:org.freedesktop.secrets 2>/dev/null | sed -n "s/.*uint32 //p")
				[ -n "$pid" ] || sleep 0.1
			done
			trap "kill $pid" EXIT
			exec 2>&1
			token1=$(parley login --keyring --show-token alice)
			name=$(parley whoami)
			file=$(cat "$XDG_STATE_HOME/parley/sessions/alice.token")
			token2=$(parley login --show-token alice)
			parley send @alice "a note" > /dev/null
			parley logout > /dev/null
			parley whoami > /dev/null 2>&1 || code=$?
			printf "%s\n" "$token1" "$name" "$file" "$token2" "exit code $code"
		'`)
		rows := strings.Split(strings.TrimSpace(out), "\n")
		if code != 0 || len(rows) < 5 {
			t.Fatalf("exit code %d: %s", code, out)
		}
		rows = rows[len(rows)-5:] // the bus talks before
		if rows[1] != "alice" || rows[2] != keyringMark {
			t.Errorf("want the account and that its token is in the keyring, got %q and %q", rows[1], rows[2])
		}
		if _, err := decodeToken(rows[0]); err != nil || rows[0] == rows[3] {
			t.Errorf("no tokens: %v\n%s", err, out)
		}
		if got := rows[len(rows)-1]; got != "exit code 3" {
			t.Errorf("after the log-out: %q", got)
		}
		// The service keeps them encrypted below share; ours is everything.
		if files := secretsOnDisk(t, home, rows[0], rows[3]); len(files) > 0 {
			t.Errorf("a token is in %v", files)
		}
	})
}

// A state directory moves between file and keyring without leaving a token behind.
func TestTokensMoveBetweenFileAndKeyring(t *testing.T) {
	keyring.MockInit()
	d := stateDir(filepath.Join(t.TempDir(), "parley"))
	a := &app{env: func(string) string { return "" }}
	save := func(keyring choice) string {
		t.Helper()
		a.chatFlags.keyring = keyring
		token := client.NewToken()
		if err := a.saver(d)("alice", token); err != nil {
			t.Fatal(err)
		}
		got, err := d.load("alice")
		if err != nil || string(got) != string(token) {
			t.Fatalf("with keyring %q: loaded %x, %v; want %x", keyring, got, err, token)
		}
		return encodeToken(token)
	}
	for i, step := range []struct {
		keyring choice
		inFile  int
	}{{"", 1}, {"true", 0}, {"", 0}, {"false", 1}, {"true", 0}} {
		token := save(step.keyring)
		if files := secretsOnDisk(t, string(d), token); len(files) != step.inFile {
			t.Errorf("step %d, --keyring %q: the token is in %v", i+1, step.keyring, files)
		}
		if _, err := d.loadFromKeyring("alice"); (err == nil) != (step.inFile == 0) {
			t.Errorf("step %d, --keyring %q: the keyring says %v", i+1, step.keyring, err)
		}
	}
	if err := d.forget("alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.loadFromKeyring("alice"); !errors.Is(err, errNoToken) {
		t.Errorf("after forget the keyring says %v", err)
	}
}
