package tui

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
)

// rawTerminal is the client on a pseudo terminal without an emulator, which would be measured too.
func rawTerminal(b *testing.B) (file *os.File, cmd *exec.Cmd) {
	b.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PARLEY_TUI_CHILD=1", "PARLEY_TUI_CORPUS=1", "TERM=xterm-256color")
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		b.Fatal(err)
	}
	return file, cmd
}

// readUntil reads what the client draws until text is in it.
func readUntil(b *testing.B, file *os.File, text string) {
	b.Helper()
	if err := file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.Fatal(err)
	}
	var all []byte
	buf := make([]byte, 64<<10)
	for !bytes.Contains(all, []byte(text)) {
		n, err := file.Read(buf)
		if err != nil {
			b.Fatalf("awaited %q: %v", text, err)
		}
		all = append(all, buf[:n]...)
	}
}

// report gives the percentiles of what was measured, in milliseconds.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	for name, p := range map[string]int{"p50-ms": 50, "p99-ms": 99} {
		b.ReportMetric(float64(took[min(len(took)-1, len(took)*p/100)])/1e6, name)
	}
}

// From a key on the terminal to the bytes that draw it.
func BenchmarkKeyToBytes(b *testing.B) {
	file, cmd := rawTerminal(b)
	defer func() { _ = file.Close(); _ = cmd.Wait() }()
	readUntil(b, file, "Message @bob")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		key := string(rune('A' + i%26))
		if i%60 == 59 { // the line is full: an empty one again, not measured
			if _, err := file.WriteString("\x15"); err != nil {
				b.Fatal(err)
			}
			readUntil(b, file, "Message @bob")
		}
		at := time.Now()
		if _, err := file.WriteString(key); err != nil {
			b.Fatal(err)
		}
		readUntil(b, file, key)
		took = append(took, time.Since(at))
	}
	report(b, took)
}

// From the start of the program to a screen with messages on it and a composer that takes keys. The cluster is in memory.
func BenchmarkStartToUsable(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		at := time.Now()
		file, cmd := rawTerminal(b)
		readUntil(b, file, "message 059")
		took = append(took, time.Since(at))
		_ = file.Close()
		_ = cmd.Wait()
	}
	report(b, took)
}
