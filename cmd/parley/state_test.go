package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/api/client"
)

func TestTokensAreKeptPerUserAndPrivate(t *testing.T) {
	d := stateDir(filepath.Join(t.TempDir(), "parley"))
	if _, err := d.current(); !errors.Is(err, errNoToken) {
		t.Errorf("current of an empty directory: %v", err)
	}
	alice, bob := client.NewToken(), client.NewToken()
	for user, token := range map[string][]byte{"alice": alice} {
		if err := d.save(user, token); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.save("bob", bob); err != nil {
		t.Fatal(err)
	}
	if user, err := d.current(); err != nil || user != "bob" {
		t.Errorf("current is %q, %v; want the last login", user, err)
	}
	if got, err := d.load("alice"); err != nil || !bytes.Equal(got, alice) {
		t.Errorf("alice's token changed: %v", err)
	}
	err := filepath.Walk(string(d), func(path string, fi os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if fi.IsDir() {
			want = 0o700
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, fi.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.forget("bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.load("bob"); !errors.Is(err, errNoToken) {
		t.Errorf("bob's token after forget: %v", err)
	}
	if _, err := d.current(); !errors.Is(err, errNoToken) {
		t.Errorf("current after it was forgotten: %v", err)
	}
	if err := d.forget("bob"); err != nil {
		t.Errorf("forgetting twice: %v", err)
	}
}

func TestNamesCannotLeaveTheStateDirectory(t *testing.T) {
	d := stateDir(filepath.Join(t.TempDir(), "parley"))
	for _, name := range []string{"../x", "a/b", "", "ALICE", "a\x00"} {
		if err := d.save(name, client.NewToken()); err == nil {
			t.Errorf("%q was accepted as a name", name)
		}
	}
	// These are names that the service allows.
	for _, name := range []string{".", "..", "-", "a.b"} {
		if err := d.save(name, client.NewToken()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := d.load(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhichTokenIsUsed(t *testing.T) {
	alice, bob, env := client.NewToken(), client.NewToken(), client.NewToken()
	home := t.TempDir()
	d := stateDir(filepath.Join(home, "parley"))
	for _, tc := range []struct {
		name, flag, env string
		want            []byte
		code            int
	}{
		{"nothing", "", "", nil, exitAuth},
		{"the environment's", "", encodeToken(env), env, 0},
		{"a broken one in the environment", "", "abc", nil, exitAuth},
		{"--user without a login", "carol", encodeToken(env), nil, exitAuth},
	} {
		checkToken(t, home, tc.name, tc.flag, tc.env, tc.want, tc.code)
	}
	if err := d.save("alice", alice); err != nil {
		t.Fatal(err)
	}
	if err := d.save("bob", bob); err != nil {
		t.Fatal(err)
	}
	checkToken(t, home, "the last login", "", "", bob, 0)
	checkToken(t, home, "--user", "Alice", "", alice, 0)
	checkToken(t, home, "--user before the environment", "alice", encodeToken(env), alice, 0)
	checkToken(t, home, "the environment before the last login", "", encodeToken(env), env, 0)
	checkToken(t, home, "a name that is none", "a/b", "", nil, exitUsage)
}

func checkToken(t *testing.T, home, name, flag, env string, want []byte, code int) {
	t.Helper()
	a, _, _ := testApp(t, map[string]string{"XDG_STATE_HOME": home, "PARLEY_TOKEN": env})
	a.flags.user = flag
	got, _, err := a.token()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got another token", name)
	}
	gotCode := 0
	if err != nil {
		gotCode, _ = classify(err)
	}
	if gotCode != code {
		t.Errorf("%s: exit %d (%v), want %d", name, gotCode, err, code)
	}
}
