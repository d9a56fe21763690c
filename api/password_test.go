package api

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

func TestHashIsArgon2idInPHCForm(t *testing.T) {
	h := newHasher()
	a, err := h.hash(t.Context(), testPassword)
	must(t, err)
	b, err := h.hash(t.Context(), testPassword)
	must(t, err)
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") || a == b {
		t.Fatalf("want argon2id, 19 MiB, t=2, p=1 and a salt of its own each, got %s and %s", a, b)
	}
	p, err := parsePHC(a)
	must(t, err)
	if len(p.salt) != 16 || len(p.tag) != 32 || encodePHC(p.memoryKiB, p.passes, p.threads, p.salt, p.tag) != a {
		t.Fatalf("got salt %d, tag %d bytes", len(p.salt), len(p.tag))
	}
	for password, want := range map[string]bool{testPassword: true, testPassword + " ": false, "": false} {
		good, err := h.verify(a, password)
		must(t, err)
		if good != want {
			t.Errorf("verify(%q) is %v", password, good)
		}
	}
	if good, err := h.verify(h.dummy, testPassword); good || err != nil {
		t.Errorf("the dummy must verify nothing: %v, %v", good, err)
	}
	if d, err := parsePHC(h.dummy); err != nil || d.memoryKiB != p.memoryKiB || d.passes != p.passes {
		t.Errorf("the dummy must cost as much as a real one: %+v, %v", d, err)
	}
}

func TestPHCStringsThatAreRefused(t *testing.T) {
	good := cheapPHC("x")
	if _, err := parsePHC(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good,
			"t=1", "t=99", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=300", 1), strings.Replace(good, "m=8,t=1",
			"t=1,m=8", 1),
		strings.Replace(good, "m=8", "m=-8", 1), good + "$", good[:len(good)-40], strings.Replace(good, "p=1", "p=1,q=1", 1),
	} {
		if _, err := parsePHC(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestAtMostTwoHashesAtOnce fills the slots and then the queue.
func TestAtMostTwoHashesAtOnce(t *testing.T) {
	h := newHasher()
	for range maxHashes {
		must(t, h.acquire(t.Context()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	errs := make(chan error, maxHashWaiters)
	for range maxHashWaiters {
		wg.Go(func() { errs <- h.acquire(ctx) })
	}
	await(t, "the queue to fill", func() bool { return h.waiting.Load() == maxHashWaiters })
	wantError(t, h.acquire(t.Context()), codes.ResourceExhausted, reasonOverloaded)
	cancel()
	wg.Wait()
	for range maxHashWaiters {
		wantError(t, <-errs, codes.Canceled, reasonCanceled)
	}
	h.release()
	must(t, h.acquire(t.Context()))
}

// await polls for a condition that another goroutine brings about; the deadline only ends a failing test.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 s for %s", what)
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestBuckets(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	b := newBuckets(0.5, 3, 2, c.now)
	for i := range 3 {
		if _, ok := b.take("a"); !ok {
			t.Fatalf("take %d of the burst was refused", i)
		}
	}
	if wait, ok := b.take("a"); ok || wait != 2*time.Second {
		t.Fatalf("want a wait of 2 s, got %v %v", wait, ok)
	}
	if _, ok := b.peek("a"); ok {
		t.Fatal("peek sees tokens that are not there")
	}
	b.giveBack("a")
	if _, ok := b.peek("a"); !ok {
		t.Fatal("a token that was given back is gone")
	}
	if _, ok := b.take("a"); !ok {
		t.Fatal("peek took the token")
	}
	c.add(2 * time.Second)
	if _, ok := b.take("a"); !ok {
		t.Fatal("no token after its time")
	}
	c.add(time.Hour)
	for range 3 {
		b.take("a")
	}
	if _, ok := b.take("a"); ok {
		t.Fatal("the burst has no bound")
	}
	if _, ok := b.take(""); !ok {
		t.Fatal("the empty key is never limited")
	}
	b.take("b")
	b.take("c") // the bound is 2 keys: a goes
	if len(b.byKey) != 2 || b.used.Len() != 2 {
		t.Fatalf("%d keys are kept, the bound is 2", len(b.byKey))
	}
	if _, ok := b.take("a"); !ok {
		t.Fatal("a forgotten key starts anew")
	}
}

// TestManyGoodLoginsAtOnceAreNotRefused and many bad ones cannot slip in together.
func TestGuardUnderConcurrency(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	try := func(g *guard, password string, n int) (good, bad, refused int) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		phc := cheapPHC(testPassword)
		for range n {
			wg.Go(func() {
				ok, err := g.check(t.Context(), "alice", "10.0.0.1", phc, password)
				mu.Lock()
				defer mu.Unlock()
				var f *failure
				switch {
				case errors.As(err, &f) && f.reason == reasonTooManyAttempts:
					refused++
				case err != nil:
					t.Error(err)
				case ok:
					good++
				default:
					bad++
				}
			})
		}
		wg.Wait()
		return good, bad, refused
	}
	if good, _, _ := try(cheapGuard(c.now), testPassword, 200); good != 200 {
		t.Fatalf("%d of 200 good passwords were taken", good)
	}
	if _, bad, refused := try(cheapGuard(c.now), "wrong password", 200); bad != accountFailureBurst ||
		refused != 200-accountFailureBurst {
		t.Fatalf("%d wrong passwords were checked, %d refused; the burst is %d", bad, refused, accountFailureBurst)
	}
}
