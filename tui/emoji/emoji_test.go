package emoji

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"ship it :tada:":                   "ship it 🎉",
		":+1::fire:":                       "👍🔥",
		"at 10:30:15 it broke":             "at 10:30:15 it broke",
		"host:100:x":                       "host:100:x",
		"`:tada:` is :tada:":               "`:tada:` is 🎉",
		":nosuchname: stays":               ":nosuchname: stays",
		"::":                               "::",
		"a::tada::b":                       "a::tada::b",
		"(:heart:)":                        "(❤️)",
		strings.Repeat(":", 300):           strings.Repeat(":", 300),
		":" + strings.Repeat("x", 5000):    ":" + strings.Repeat("x", 5000),
		"std::vector<int>::iterator stays": "std::vector<int>::iterator stays",
	} {
		if got := Expand(in); got != want {
			t.Errorf("Expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"done 🎉":      "done :tada:",
		"👍 ok":        ":+1: ok",
		"❤️ and ❤":    ":heart: and :heart:",
		"© → ✓ 10 #1": "© → ✓ 10 #1",
		"世界 नमस्ते":   "世界 नमस्ते",
		"🎉🔥":          ":tada::fire:",
		"☺️!":         ":relaxed:!",
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

// What the client sends for a name is drawn under a name that gives the same emoji again.
func TestNamesAreInverse(t *testing.T) {
	for name, char := range load().chars {
		shown, ok := Name(char)
		if !ok {
			t.Errorf("%s (%s) has no name to show", name, char)
			continue
		}
		back, _ := Lookup(shown)
		if strings.ReplaceAll(back, "\ufe0f", "") != strings.ReplaceAll(char, "\ufe0f", "") {
			t.Errorf(":%s: is %q, shown as :%s:, which is %q", name, char, shown, back)
		}
	}
}

func TestComplete(t *testing.T) {
	for prefix, want := range map[string]string{":ta": "tada", "+": "+1", "thum": "thumbsup", "eye": "eyes", "": "+1"} {
		got := Complete(prefix, 8)
		if len(got) == 0 || got[0].Name != want {
			t.Errorf("Complete(%q) leads with %v, want %s", prefix, got, want)
		}
	}
	if got := Complete("zzzzz", 8); len(got) != 0 {
		t.Errorf("nonsense completes to %v", got)
	}
	for _, m := range Common(1000) {
		if m.Char == "" {
			t.Errorf("%s has no emoji", m.Name)
		}
	}
	if n := len(Common(1000)); n < len(common)-5 {
		t.Errorf("only %d of the %d common names are in the table", n, len(common))
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a :tada: b")
	f.Add("::`:x:`")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Expand(s); !strings.Contains(s, ":") && got != s {
			t.Errorf("Expand changed %q to %q", s, got)
		}
		Text(s)
	})
}

func BenchmarkTextPlain(b *testing.B) {
	s := strings.Repeat("the deploy is stuck at 80 % ", 10)
	for b.Loop() {
		Text(s)
	}
}
