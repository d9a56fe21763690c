package tui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/tui/ptytest"
)

// widthCorpus is text whose width terminals, libraries and fonts disagree on, and what a chat sees of it.
var widthCorpus = []string{
	"世界 hello 世界 漢字かな交じり文", "🎉🎉🎉 party 🇺🇸 🇩🇪", "❤️ ⚠️ signs ✂️", "👍🏽 tone 👋🏿", "नमस्ते दुनिया", "👩‍💻 👨‍👩‍👧 🏳️‍🌈 joined",
	"🫆 new", "e\u0301\u0300\u0302 marks", "שלום עולם مرحبا", "ไทย ภาษา", "한국어 조합 \u1112\u1161\u11ab", strings.Repeat("long世", 40),
	"plain *bold* `code` https://example.org/世界/👩‍💻?q=1",
}

// settles is how long the rest of a frame may take.
const settles = 3 * time.Second

// roundTrip is the one figure on that screen that changes by itself.
var roundTrip = regexp.MustCompile(` +[0-9]+ ms`)

// What stands on the screen after many small updates of difficult text is what drawing everything anew gives: nothing
// drifts, is left over or is missing, by the width rules of terminals with and without mode 2027.
func TestIncrementalScreenIsAFullRedraw(t *testing.T) {
	for mode, env := range map[string]string{"grapheme": "A=1", "wcwidth": "SSH_TTY=/dev/pts/0"} { // over ssh it is not asked for
		t.Run(mode, func(t *testing.T) {
			term := onPTY(t, 100, 30, env, "PARLEY_TUI_CORPUS=1")
			must(t, term.WaitFor(patience, "READY  n1★", "Message @bob", " ms │"))
			screen := func() string { return roundTrip.ReplaceAllString(term.Screen(), "") }
			redraw := func(frames int) {
				t.Helper()
				letter := func(first ...string) { // when it is drawn, so is everything before it
					must(t, term.Type(append(first, "~")...))
					must(t, term.WaitFor(patience, "> ~"))
					must(t, term.Type("\x7f"))
					must(t, term.WaitFor(patience, "> Message"))
				}
				letter()
				must(t, term.WaitFor(patience, "> Message @bob"))
				before := screen()
				letter(ptytest.CtrlL)                                                           // clears the terminal and draws everything
				if term.Wait(settles, func(string) bool { return screen() == before }) != nil { // a frame comes in pieces
					t.Fatalf("after %d frames the screen was\n%s\nand drawn anew it is\n%s", frames, before, screen())
				}
			}
			for i := range 150 {
				mark := fmt.Sprintf("<%03d>", i)
				switch i % 5 {
				case 0: // one more at the end
					must(t, term.Type(widthCorpus[i/5%len(widthCorpus)], " ", mark))
					must(t, term.WaitFor(patience, mark))
					must(t, term.Type(ptytest.Enter))
					must(t, term.WaitFor(patience, mark, "> Message"))
				case 1, 3:
					must(t, term.Type(ptytest.PageUp))
					must(t, term.WaitFor(patience, "End for the newest"))
				case 2: // a draft grows and shrinks below it
					must(t, term.Type("世界👩‍💻", ptytest.Newline, "नमस्ते", mark))
					must(t, term.WaitFor(patience, mark))
					must(t, term.Type("\x15", "\x7f", "\x15"))
					must(t, term.WaitFor(patience, "> Message"))
				case 4:
					if i%10 == 4 {
						redraw(i)
					}
					must(t, term.Type(ptytest.End))
					must(t, term.Wait(patience, func(s string) bool { return !strings.Contains(s, "End for the newest") }))
					if i%10 == 9 {
						redraw(i)
					}
				}
			}
		})
	}
}
