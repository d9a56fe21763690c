package common

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Each sign that stands in the client's source has an ASCII form of the same width. A new sign without one fails here.
func TestEverySignHasAnASCIIForm(t *testing.T) {
	for r, a := range ascii {
		if w := ansi.StringWidthWc(string(r)); w != 1 || a < 0x21 || a > 0x7e {
			t.Errorf("%q has %d columns, its form is %q", r, w, a)
		}
	}
	found := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "emoji" || d.Name() == "ptytest" || d.Name() == "testdata") {
			return fs.SkipDir // data, and what draws pictures of terminals
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING && lit.Kind != token.CHAR {
				return true
			}
			text := lit.Value
			if lit.Kind == token.STRING {
				text, _ = strconv.Unquote(lit.Value)
			}
			for _, r := range text {
				if r < utf8.RuneSelf || ansi.StringWidthWc(string(r)) == 2 { // emoji have names: see TextEmoji
					continue
				}
				found++
				if got := toASCII(string(r), false); got[0] >= utf8.RuneSelf {
					t.Errorf("%s draws %q (%U): give it a form in the table of tui/common/ascii.go", path, r, r)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || found < 50 {
		t.Fatalf("%d signs found, %v: the search is broken", found, err)
	}
}

func TestASCII(t *testing.T) {
	for _, c := range []struct {
		in, signs, all string
	}{
		{"── 2 new ──", "-- 2 new --", "-- 2 new --"},
		{"\x1b[1m✓ bob\x1b[0m  世界 é", "\x1b[1m+ bob\x1b[0m  世界 é", "\x1b[1m+ bob\x1b[0m  ???? ?"},
		{Body("\x1b[31m\u202e"), "^[31m[RLO]", "^[31m[RLO]"},
		{"e\u0301", "e\u0301", "e"},
	} {
		if got := toASCII(c.in, false); got != c.signs {
			t.Errorf("the signs of %q become %q, want %q", c.in, got, c.signs)
		}
		if got := toASCII(c.in, true); got != c.all {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.all)
		}
	}
}

func TestUTF8Locale(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "POSIX", "LC_CTYPE": "C.utf8"}, true},
		{map[string]string{"LANG": "de_DE@euro"}, false},
	} {
		if got := UTF8Locale(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}
