package api

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// buckets are token buckets by key, with a bound on the keys: the least recently used is forgotten, which is the same
// as a full bucket. Safe for concurrent use. Not golang.org/x/time/rate because a token is given back when the try
// succeeds.
type buckets struct {
	perSecond, burst float64
	max              int
	now              func() time.Time

	mu    sync.Mutex
	byKey map[string]*list.Element // of *bucket
	used  *list.List               // most recently used first
}

type bucket struct {
	key    string
	tokens float64
	at     time.Time
}

func newBuckets(perSecond, burst float64, maxKeys int, now func() time.Time) *buckets {
	return &buckets{perSecond: perSecond, burst: burst, max: maxKeys, now: now,
		byKey: map[string]*list.Element{}, used: list.New()}
}

// take takes one token. When there is none it returns how long until there is, and takes nothing. The empty key is
// never limited.
func (b *buckets) take(key string) (wait time.Duration, ok bool) { return b.change(key, 1) }

// peek is take without taking.
func (b *buckets) peek(key string) (wait time.Duration, ok bool) { return b.change(key, 0) }

func (b *buckets) giveBack(key string) { b.change(key, -1) }

func (b *buckets) change(key string, n float64) (time.Duration, bool) {
	if key == "" {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	el, ok := b.byKey[key]
	if !ok {
		if n <= 0 {
			return 0, true
		}
		for b.used.Len() >= b.max {
			old := b.used.Back()
			delete(b.byKey, old.Value.(*bucket).key)
			b.used.Remove(old)
		}
		el = b.used.PushFront(&bucket{key: key, tokens: b.burst, at: now})
		b.byKey[key] = el
	} else {
		b.used.MoveToFront(el)
	}
	k := el.Value.(*bucket)
	if d := now.Sub(k.at); d > 0 {
		k.tokens = min(b.burst, k.tokens+d.Seconds()*b.perSecond)
		k.at = now
	}
	if n >= 0 && k.tokens < 1 {
		return time.Duration((1 - k.tokens) / b.perSecond * float64(time.Second)), false
	}
	k.tokens = min(b.burst, k.tokens-n)
	return 0, true
}

// guard checks passwords under the failure limits of the account's name and the client's address.
type guard struct {
	*hasher
	accounts, addresses *buckets
}

func newGuard(now func() time.Time) *guard {
	return &guard{
		hasher:    newHasher(),
		accounts:  newBuckets(accountFailuresPerSecond, accountFailureBurst, maxBuckets, now),
		addresses: newBuckets(addressFailuresPerSecond, addressFailureBurst, maxBuckets, now),
	}
}

// check verifies a password; phc is empty for an account that does not exist. A token of each bucket is taken inside
// the hash slot and given back on success: so many tries at once cannot all slip in before the first failure is
// counted, and many good ones at once are never refused.
func (g *guard) check(ctx context.Context, username, addr, phc, password string) (bool, error) {
	if wait, ok := g.accounts.peek(username); !ok {
		return false, tooManyAttempts(wait)
	}
	if wait, ok := g.addresses.peek(addr); !ok {
		return false, tooManyAttempts(wait)
	}
	if err := g.acquire(ctx); err != nil {
		return false, err
	}
	defer g.release()
	if wait, ok := g.addresses.take(addr); !ok {
		return false, tooManyAttempts(wait)
	}
	if wait, ok := g.accounts.take(username); !ok {
		g.addresses.giveBack(addr)
		return false, tooManyAttempts(wait)
	}
	stored := phc
	if phc == "" {
		stored = g.dummy
	}
	good, err := g.verify(stored, password)
	good = good && phc != ""
	if err != nil || good {
		g.accounts.giveBack(username)
		g.addresses.giveBack(addr)
	}
	if err != nil {
		return false, internal(err)
	}
	return good, nil
}

func tooManyAttempts(wait time.Duration) *failure {
	wait = wait.Round(time.Second) + time.Second
	return exhausted(reasonTooManyAttempts, "too many wrong passwords; wait "+wait.String()+
		" and try again (open sessions go on working)", wait)
}
