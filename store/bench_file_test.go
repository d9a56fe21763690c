package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/internal/cputime"
	"parley/proto/internalv1"
)

// BenchmarkCodec is the cost of reading a send's command and of writing a message's record: by hand, and the general way.
func BenchmarkCodec(b *testing.B) {
	text := string(bytes.Repeat([]byte{'x'}, 256))
	cmd, err := proto.Marshal(&internalv1.Command{
		RequestId: bytes.Repeat([]byte{7}, requestBytes), Session: bytes.Repeat([]byte{8}, tokenBytes),
		Body: &internalv1.Command_SendMessage{SendMessage: &internalv1.SendMessage{Conversation: "@bob", Text: text}},
	})
	if err != nil {
		b.Fatal(err)
	}
	r := &internalv1.MessageRecord{
		Id: 1 << 40, Sender: 77, TimeUnixMs: 1_764_000_000_000, RequestId: bytes.Repeat([]byte{7}, requestBytes),
		EventIndex: 1 << 30, EventOrdinal: 9, SentByLow: 12345,
	}
	whole := proto.CloneOf(r)
	whole.Text = text
	var buf []byte
	for name, f := range map[string]func() bool{
		"command=by-hand": func() bool { _, ok := parseSend(cmd); return ok },
		"command=general": func() bool {
			var c internalv1.Command
			return proto.Unmarshal(cmd, &c) == nil && !hasUnknown(&c)
		},
		"record=by-hand": func() bool { buf = appendMessageRecord(buf[:0], r, []byte(text)); return len(buf) > 0 },
		"record=general": func() bool {
			buf, err = proto.MarshalOptions{Deterministic: true}.MarshalAppend(buf[:0], whole)
			return err == nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := cputime.Process()
			for b.Loop() {
				if !f() {
					b.Fatal("it failed")
				}
			}
			b.ReportMetric(float64(cputime.Process()-began)/float64(b.N), "total-cpu-ns/op")
		})
	}
}

// BenchmarkFile is what a file of PARLEY_STORE_MESSAGES messages costs (20,000 by default) to open and to copy for a node
// that is far behind.
func BenchmarkFile(b *testing.B) {
	path := filledFile(b, messagesWanted(b))
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		began := cputime.Process()
		for b.Loop() {
			s, err := Open(path, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((cputime.Process()-began).Milliseconds())/float64(b.N), "total-cpu-ms/op")
	})
	b.Run("spool", func(b *testing.B) {
		s, err := Open(path, Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		b.SetBytes(st.Size())
		to := filepath.Join(b.TempDir(), "spool.db")
		began := cputime.Process()
		for b.Loop() {
			if _, _, err := s.Spool(to); err != nil {
				b.Fatal(err)
			}
			if err := os.Remove(to); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((cputime.Process()-began).Milliseconds())/float64(b.N), "total-cpu-ms/op")
	})
}

// BenchmarkOverlayBytes is what a message costs the process, and what it writes, with overlays of several sizes: 256 people,
// 32 messages a call, an interval that never comes.
func BenchmarkOverlayBytes(b *testing.B) {
	const batch = 32
	for _, mib := range []int{4, 8, 16} {
		b.Run(fmt.Sprintf("mib=%d", mib), func(b *testing.B) {
			s, _ := fileStore(b, Options{OverlayBytes: mib << 20, FlushInterval: time.Hour})
			r := newRig(b, s)
			benchPeople(r, 256)
			es := sendLog(r, b.N/batch+1, batch, 256)
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			b.ResetTimer()
			cpu, wrote := cputime.Process(), processWrote(b)
			for i := range es {
				if _, err := s.Apply(es[i : i+1]); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			n := float64(len(es) * batch)
			b.ReportMetric(float64(cputime.Process()-cpu)/n, "total-cpu-ns/op")
			b.ReportMetric(float64(processWrote(b)-wrote)/n, "written-B/op")
		})
	}
}

// processWrote is how many bytes the process has given to write calls; 0 where the system does not say.
func processWrote(b *testing.B) (n int64) {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(io)) {
		if v, ok := strings.CutPrefix(line, "wchar: "); ok {
			if n, err = strconv.ParseInt(strings.TrimSpace(v), 10, 64); err != nil {
				b.Fatal(err)
			}
		}
	}
	return n
}

// filledFile returns the path of a closed store with n messages of 100 people.
func filledFile(b *testing.B, n int) string {
	s, path := fileStore(b, Options{})
	r := newRig(b, s)
	benchPeople(r, 100)
	for done := 0; done < n; done += 1000 {
		if _, err := s.Apply(sendLog(r, 10, 100, 100)); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}
