package ptytest

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const patience = 20 * time.Second

// The test binary is its own program to drive: it draws one screen, then answers lines.
func TestMain(m *testing.M) {
	if os.Getenv("PTYTEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	fmt.Print("\x1b[?1049h\x1b[2J\x1b[H\x1b[1;32mbold green\x1b[0m \x1b[7mreverse\x1b[0m \x1b[48;2;10;20;30mbg\x1b[0m 世界 <&>\r\n")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "quit" {
			fmt.Print("\x1b[?1049l")
			os.Exit(3)
		}
		if in.Text() == "late" { // drawn for a taller terminal
			fmt.Print("\x1b[1;30r\x1b[3S\x1b[r")
		}
		fmt.Printf("you said %s\r\n", in.Text())
	}
}

func child(t *testing.T) *Terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PTYTEST_CHILD=1", "TERM=xterm-256color")
	term, err := Start(cmd, 60, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.Close() })
	return term
}

func TestTypeAndWait(t *testing.T) {
	term := child(t)
	if err := term.WaitFor(patience, "bold green reverse bg 世界 <&>"); err != nil {
		t.Fatal(err)
	}
	if !term.AltScreen() {
		t.Error("the alternate screen was not seen")
	}
	if err := term.Type("hello", Enter); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitFor(patience, "you said hello"); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitFor(10*time.Millisecond, "never said"); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "you said hello") {
		t.Errorf("a wait in vain says %v", err)
	}
	if err := term.Type("quit" + Enter); err != nil {
		t.Fatal(err)
	}
	<-term.Exited()
	var exit *exec.ExitError
	if !errors.As(term.Err(), &exit) || exit.ExitCode() != 3 {
		t.Errorf("the program ended with %v, want status 3", term.Err())
	}
	if term.AltScreen() {
		t.Error("the terminal was not given back")
	}
	if err := term.WaitFor(patience, "more"); !errors.Is(err, ErrExited) || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a wait for a program that ended says %v", err)
	}
}

func TestCloseEndsTheProgram(t *testing.T) {
	term := child(t)
	if err := term.WaitFor(patience, "bold green"); err != nil {
		t.Fatal(err)
	}
	if err := term.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-term.Exited():
	default:
		t.Error("the program still runs")
	}
}

// The picture is well-formed and says what the screen says, in its colours.
func TestSVG(t *testing.T) {
	term := child(t)
	if err := term.WaitFor(patience, "<&>"); err != nil {
		t.Fatal(err)
	}
	th := Dark()
	th.Title = "a & b"
	svg := term.SVG(th)
	var text strings.Builder
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the picture is broken: %v", err)
		}
		if c, ok := tok.(xml.CharData); ok {
			text.Write(c)
		}
	}
	squeezed := strings.ReplaceAll(strings.ReplaceAll(text.String(), "\n", ""), " ", "")
	for _, want := range []string{"boldgreen", "reverse", "世界", "<&>", "a&b"} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("the picture does not say %q: %q", want, squeezed)
		}
	}
	for what, want := range map[string]string{
		"green from the theme": `fill="#7fc98a" font-weight="bold"`, "the reverse background": `height="18.2" fill="#d8dbe2"`,
		"a direct background": `fill="#0a141e"`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is missing (%s)\n%s", what, want, svg)
		}
	}
}

// An animation is well-formed, and holds each row once however often it is seen.
func TestAnimation(t *testing.T) {
	term := child(t)
	if err := term.WaitFor(patience, "<&>"); err != nil {
		t.Fatal(err)
	}
	shots := []Shot{term.Shot(Dark(), 10)}
	if err := term.Type("hello", Enter); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitFor(patience, "you said hello"); err != nil {
		t.Fatal(err)
	}
	shots = append(shots, term.Shot(Dark(), 10))
	if shots[0].Same(shots[1]) {
		t.Error("two different screens are the same")
	}
	for i := range shots {
		shots[i].For = time.Second
	}
	svg := Animation(Dark(), shots)
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is broken: %v\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "&lt;&amp;&gt;"); n != 1 {
		t.Errorf("a row that stays is there %d times, want once", n)
	}
	if !strings.Contains(svg, `values="hidden;visible" keyTimes="0;0.5000" dur="2.00s"`) {
		t.Errorf("what comes after a second of two is not shown then:\n%s", svg)
	}
}

// Rows that are gone by a resize which the program has not heard of do no harm.
func TestLateScrollRegion(t *testing.T) {
	term := child(t)
	if err := term.Type("late", Enter, "after", Enter); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitFor(patience, "you said after"); err != nil {
		t.Fatal(err)
	}
}

// A read may end inside of a character that consists of several: what of it is held back begins with its first byte.
func TestWhole(t *testing.T) {
	for in, want := range map[string]string{
		"abc":             "c",
		"a 👩\u200d":       "👩\u200d",
		"ze\u0301":        "e\u0301",
		"\x1b[0m":         "m",
		"row\r\n":         "",
		"":                "",
		"👩\u200d💻 done\n": "",
	} {
		if got := in[whole([]byte(in)):]; got != want {
			t.Errorf("whole(%q) holds back %q, want %q", in, got, want)
		}
	}
}
