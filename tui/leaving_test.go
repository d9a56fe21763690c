package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/tui/common"
)

// keptFiles are the files of the account's cache, but for the locks, which are empty.
func keptFiles(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f, ".lock") {
			out = append(out, filepath.Base(f))
		}
	}
	return out
}

// Logging out leaves nothing of the account on the disk, and asks when that is more than a copy.
func TestLogoutErasesTheCache(t *testing.T) {
	disk, dir := &shelf{}, t.TempDir()
	x := start(t, 80, 24, func(f *fake) {
		stored(dir, disk)(f)
		f.link = offline()
	})
	x.open("@bob")
	must(t, os.WriteFile(filepath.Join(dir, "alice.db.damaged-1"), []byte("x"), 0o600))
	x.typed("later")
	x.keys("enter")
	x.await("it on disk", disk.holds(1))
	x.typed("/logout")
	x.keys("enter")
	x.see("Log out?", "erases what is kept", "This would be given up: 1")
	x.keys("n")
	x.gone("Log out?")
	if got := keptFiles(t, dir); len(got) != 2 {
		t.Fatalf("kept before the answer: %v", got)
	}
	x.typed("/logout")
	x.keys("enter", "y")
	x.see("You are logged out.")
	x.app.page.Close()
	if got := keptFiles(t, dir); len(got) != 0 {
		t.Errorf("kept after logging out: %v", got)
	}
}

// An edit or a reaction without an outcome is on no disk: quitting says so.
func TestQuitCountsWhatIsDoneToMessages(t *testing.T) {
	disk, dir := &shelf{}, t.TempDir()
	x := start(t, 80, 24, stored(dir, disk))
	x.open("@bob")
	x.see("deploy is green")
	x.fake.set(func() { x.fake.fail = common.Failure{Outcome: common.Unknown, Text: "no answer"} })
	x.typed("/react 👍")
	x.keys("enter", "ctrl+q")
	x.see("Quit?", "This would be given up: reaction 👍.")
	if x.quit {
		t.Fatal("quit without an answer")
	}
	x.keys("y")
	x.await("the end", func() bool { return x.quit })
}

// A rejected message can be edited before it is sent again, and stays a reply.
func TestEditAndResend(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.fake.set(func() { x.fake.sendErr = []error{common.Failure{Text: "too long"}} })
	x.keys("up", "r")
	x.typed("wrong")
	x.keys("enter")
	x.see("rejected: too long")
	x.keys("up", "alt+r")
	x.see("Send again?", "“wrong” was rejected: too long.", "e edit it first", "s send as it is")
	x.keys("e")
	x.gone("rejected")
	x.see("> wrong", "reply to bob")
	x.typed("ly")
	x.keys("enter")
	x.row("✓", "wrongly")
	if last := x.fake.msgs[len(x.fake.msgs)-1]; last.GetThreadId() == 0 {
		t.Error("the edited message is no reply any more")
	}
}

// What leads elsewhere works while messages are selected, too.
func TestSelectModeLetsGo(t *testing.T) {
	x := start(t, 100, 24, deploys)
	x.open("@bob")
	x.see("deploy is green")
	x.keys("ctrl+s")
	x.see("r reply")
	x.send(press("ctrl+k"))
	x.see("Go to")
	x.keys("esc")
	x.see("Message @bob")
	x.keys("ctrl+s")
	x.see("r reply")
	x.keys("ctrl+n")
	x.gone("Message @bob")
}
