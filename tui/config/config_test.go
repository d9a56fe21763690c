package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/tui/common"
	"parley/tui/keymap"
)

func dir(t *testing.T, name, text string) Dir {
	t.Helper()
	d := Dir(filepath.Join(t.TempDir(), "parley"))
	if name != "" {
		if err := os.MkdirAll(string(d), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(string(d), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func content(t *testing.T, d Dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(string(d), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A bad entry costs itself alone, and is told with its line.
func TestBadEntriesKeepTheDefaults(t *testing.T) {
	d := dir(t, "config.toml", `# mine
theme = "light"
mouse = false
vim = "on"

emoji = "blue"
thema = "dark"
notify = 3
ascii = "perhaps"
[profile]
theme = "dark"
`)
	v, problems := d.Settings()
	want := common.DefaultSettings()
	want.Theme, want.Mouse, want.Vim = "light", false, true
	if v != want {
		t.Errorf("got %+v, want %+v", v, want)
	}
	for i, part := range []string{
		"line 10: a table [profile]", "line 6: emoji is one of native, text, not \"blue\"; it stays native", "line 7: there is no setting \"thema\"",
		"line 8: notify is a text", "line 9: ascii is on or off",
	} {
		if len(problems) != 5 || !strings.Contains(problems[i], "config.toml "+part) {
			t.Fatalf("problems are %q; the one at %d should be about %q", problems, i, part)
		}
	}
}

func TestBrokenFileIsToldAndNeverWritten(t *testing.T) {
	const broken = "theme = \"dark\"\nmouse = \n"
	d := dir(t, "config.toml", broken)
	v, problems := d.Settings()
	if v != common.DefaultSettings() || len(problems) != 1 || !strings.Contains(problems[0], "line 2") {
		t.Errorf("%+v, %q", v, problems)
	}
	if err := d.SaveSetting("theme", "light"); err == nil || content(t, d, "config.toml") != broken {
		t.Errorf("a broken file was written over: %v", err)
	}
}

// A write changes its entry and not one byte beside it.
func TestCommentsSurviveAWrite(t *testing.T) {
	d := dir(t, "config.toml", "# colours\ntheme = \"dark\" # at night\n\n# last words, without a line's end")
	for _, c := range [][2]string{{"theme", "light"}, {"mouse", "off"}, {"mouse", "on"}, {"notify_command", `say "hi" \ there`}} {
		if err := d.SaveSetting(c[0], c[1]); err != nil {
			t.Fatal(err)
		}
	}
	want := "# colours\ntheme = \"light\" # at night\n\n# last words, without a line's end\nmouse = true\nnotify_command = \"say \\\"hi\\\" \\\\ there\"\n"
	if got := content(t, d, "config.toml"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if v, problems := d.Settings(); v.Theme != "light" || !v.Mouse || v.NotifyCommand != `say "hi" \ there` || len(problems) > 0 {
		t.Errorf("read back: %+v, %q", v, problems)
	}
	if st, err := os.Stat(filepath.Join(string(d), "config.toml")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

// Every setting survives being written and read, and a new file says who wrote it.
func TestEverySettingSurvives(t *testing.T) {
	d := dir(t, "", "")
	want := common.Settings{}
	for _, s := range Settings() {
		value := "/bin/true"
		if s.Values != nil {
			value = s.Values[len(s.Values)-1]
		}
		if err := s.Set(&want, value); err != nil {
			t.Fatal(err)
		}
		if err := d.SaveSetting(s.Name, s.Get(&want)); err != nil {
			t.Fatal(err)
		}
	}
	if v, problems := d.Settings(); v != want || len(problems) > 0 {
		t.Errorf("got %+v %q, want %+v", v, problems, want)
	}
	if !strings.HasPrefix(content(t, d, "config.toml"), "# Settings of Parley") {
		t.Error("a new file does not say what it is")
	}
	if _, problems := Dir("").Settings(); problems != nil || Dir("").SaveSetting("theme", "dark") == nil {
		t.Error("without a place, settings are defaults and a write fails")
	}
}

func TestASymbolicLinkStaysOne(t *testing.T) {
	d := dir(t, "config.toml", "")
	target := filepath.Join(t.TempDir(), "dotfile.toml")
	if err := os.Rename(filepath.Join(string(d), "config.toml"), target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(string(d), "config.toml")); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveSetting("theme", "mono"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(target); err != nil || !strings.Contains(string(b), "mono") {
		t.Errorf("the file behind the link has %q, %v", b, err)
	}
}

func TestKeysAreWrittenAndReadBack(t *testing.T) {
	d := dir(t, "keys.toml", "# mine\nnext_unread = \"f7\" # as in mutt\nsearch = [\"ctrl+g\", \"^F\"]\noutbox = 3\n")
	m, problems := d.Keys()
	if !slices.Equal(m.NextUnread.Keys(), []string{"f7"}) || !slices.Equal(m.Search.Keys(), []string{"ctrl+g", "ctrl+f"}) {
		t.Errorf("next-unread %q, search %q", m.NextUnread.Keys(), m.Search.Keys())
	}
	if len(problems) != 1 || !strings.Contains(problems[0], "keys.toml line 4") {
		t.Errorf("problems: %q", problems)
	}
	if err := d.SaveKeys(map[string][]string{"next-unread": {"f8"}, "search": {"ctrl+f"}, "outbox": {"f4", "f10"}, "demo": {}}); err != nil {
		t.Fatal(err)
	}
	want := "# mine\nnext_unread = \"f8\" # as in mutt\noutbox = [\"f4\", \"f10\"]\ndemo = []\n"
	if got := content(t, d, "keys.toml"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	m, problems = d.Keys()
	if len(problems) > 0 || !slices.Equal(m.Outbox.Keys(), []string{"f4", "f10"}) || len(m.Demo.Keys()) != 0 {
		t.Errorf("read back: %q, outbox %q, demo %q", problems, m.Outbox.Keys(), m.Demo.Keys())
	}
	def := keymap.Default()
	if !slices.Equal(m.Search.Keys(), def.Search.Keys()) {
		t.Errorf("search is %q", m.Search.Keys())
	}
}

// Whatever stands in a file, reading it ends, and a write of what was readable gives a file that is readable again.
func FuzzFile(f *testing.F) {
	f.Add("theme = \"dark\"\n# c\n[t]\na=1")
	f.Add("a.b = 1\n\"quoted key\" = true\ntheme = '''x\n'''")
	f.Fuzz(func(t *testing.T, s string) {
		x := &file{path: "config.toml", data: []byte(s)}
		if _, err := x.parse(); err != nil {
			return
		}
		y := &file{path: "config.toml", data: x.set("theme", `"light"`)}
		if _, err := y.parse(); err != nil {
			t.Fatalf("%q became %q: %v", s, y.data, err)
		}
		for _, e := range y.entries {
			if e.key == "theme" && e.value != "light" {
				t.Fatalf("%q became %q: the theme is %v", s, y.data, e.value)
			}
		}
	})
}
