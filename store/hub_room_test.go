package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestWatchersMoveWithTheirMembership has accounts leave a room and come back in every order while they watch it live: who is
// out is told nothing, and who is in again is told everything, wherever it stood among the room's watchers. At the end each
// stream is closed.
func TestWatchersMoveWithTheirMembership(t *testing.T) {
	names := []string{"ann", "bob", "cat", "dan"}
	for _, order := range [][]string{{"bob"}, {"dan"}, {"bob", "cat", "dan"}, {"dan", "cat", "bob"}, {"cat", "dan", "bob"}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			s, _ := memStore(t, Options{})
			r := newRig(t, s)
			r.people(names...)
			r.ok(raise(MaxClusterVersion))
			r.markRoom("#ops", names...)
			watchers := map[string]*Watcher{}
			for _, name := range names {
				w, err := s.Watch(WatchOptions{Session: token(name)})
				if err != nil {
					t.Fatal(err)
				}
				watchers[name] = w
				waiting(t, w) // opens its queue
			}
			want := map[string][]string{}
			out := map[string]bool{}
			say := func(text string) {
				r.send("ann", "#ops", text)
				for _, name := range names {
					if !out[name] {
						want[name] = append(want[name], text)
					}
				}
			}
			for _, name := range order {
				r.ok(r.rankCmd(name, "#ops", "", rankNone))
				out[name] = true
				say("without " + name)
			}
			for _, name := range order {
				r.ok(r.rankCmd(name, "#ops", "", rankMember))
				out[name] = false
				say("with " + name)
			}
			for _, name := range names {
				if got := waiting(t, watchers[name]); !slices.Equal(got, want[name]) {
					t.Errorf("%s was told %q, want %q", name, got, want[name])
				}
			}
			for _, name := range order {
				r.ok(r.rankCmd(name, "#ops", "", rankNone))
			}
			for _, name := range names {
				watchers[name].Close()
			}
			if len(s.hub.byAccount) != 0 || len(s.hub.byRoom) != 0 {
				t.Errorf("after all were closed the hub still has %d accounts and %d rooms", len(s.hub.byAccount), len(s.hub.byRoom))
			}
		})
	}
}

// waiting takes the messages that wait for a watcher.
func waiting(t *testing.T, w *Watcher) (out []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		es, err := w.Next(ctx)
		if errors.Is(err, context.Canceled) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			if m := e.GetMessage(); m != nil {
				out = append(out, m.GetText())
			}
		}
	}
}
