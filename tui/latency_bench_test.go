package tui

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/cache"
	"parley/tui/common"
)

// kept is a state directory with 100,000 messages in it: the newest 500 of 200 conversations.
func kept(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	fill(b, dir)
	return dir
}

func fill(b testing.TB, dir string) {
	b.Helper()
	c, err := cache.Open(filepath.Join(dir, "cache"), "alice", time.Now())
	if err != nil {
		b.Fatal(err)
	}
	ch := common.Changes{At: time.Now(), Messages: map[string][]*parleyv1.Message{}}
	for k := range 200 {
		name := fmt.Sprintf("#room-%03d", k)
		for i := range cache.MaxMessages {
			ch.Messages[name] = append(ch.Messages[name], &parleyv1.Message{
				Id: uint64(k*cache.MaxMessages + i + 1), Seq: uint64(i + 1), Conversation: name, Sender: "bob",
				Text: fmt.Sprintf("message %03d, about as long as people write in a chat: %s", i, strings.Repeat("世界 and ", i%12)),
				Time: timestamppb.New(time.Date(2026, 11, 1, 0, i, 0, 0, time.UTC)),
			})
		}
		ch.Conversations = append(ch.Conversations, &parleyv1.Conversation{
			Name: name, LastSeq: cache.MaxMessages, LastMessage: &parleyv1.Message{Id: uint64((k + 1) * cache.MaxMessages)},
			Room: &parleyv1.Room{Name: name, Topic: "one of many"},
		})
	}
	if err := errors.Join(c.Save(ch), c.Close()); err != nil {
		b.Fatal(err)
	}
}

// rawTerminal is the client on a pseudo terminal without an emulator, which would be measured too.
func rawTerminal(b *testing.B, state string) (file *os.File, cmd *exec.Cmd) {
	b.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PARLEY_TUI_CHILD=1", "PARLEY_TUI_CORPUS=1", "PARLEY_TUI_STATE="+state, "TERM=xterm-256color")
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
	for name, state := range map[string]string{"nothing kept": "", "100000 kept": kept(b)} {
		b.Run(name, func(b *testing.B) {
			file, cmd := rawTerminal(b, state)
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
		})
	}
}

// From the start of the program to a screen with messages on it and a composer that takes keys. The cluster is in memory.
func BenchmarkStartToUsable(b *testing.B) {
	for name, state := range map[string]string{"nothing kept": "", "100000 kept": kept(b)} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				at := time.Now()
				file, cmd := rawTerminal(b, state)
				readUntil(b, file, "message 059")
				took = append(took, time.Since(at))
				_ = file.Close()
				_ = cmd.Wait()
			}
			report(b, took)
		})
	}
}
