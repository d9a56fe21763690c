package api

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// hasher runs argon2id, at most maxHashes at once and with a bounded queue. Safe for concurrent use.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	// dummy is checked for a user who does not exist, so that the answer takes as long.
	dummy string
}

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, maxHashes)}
	var seed [argonSaltBytes + argonTagBytes]byte
	_, _ = rand.Read(seed[:]) // never fails: see crypto/rand
	h.dummy = encodePHC(argonMemoryKiB, argonTime, argonThreads, seed[:argonSaltBytes], seed[argonSaltBytes:])
	return h
}

// acquire waits for a slot; the caller releases it.
func (h *hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > maxHashWaiters {
		h.waiting.Add(-1)
		return exhausted(reasonOverloaded,
			"too many passwords are being checked on this node; wait a few seconds and try again", time.Second)
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return contextFailure(ctx.Err())
	}
}

func (h *hasher) release() { <-h.slots }

// hash makes the PHC string of a new password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	salt := make([]byte, argonSaltBytes)
	_, _ = rand.Read(salt) // never fails: see crypto/rand
	tag := argon2.IDKey([]byte(password), salt, argonTime, argonMemoryKiB, argonThreads, argonTagBytes)
	return encodePHC(argonMemoryKiB, argonTime, argonThreads, salt, tag), nil
}

// verify checks a password while the caller holds a slot. A PHC string that is not ours is an error, not a wrong
// password.
func (h *hasher) verify(phc, password string) (bool, error) {
	p, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	tag := argon2.IDKey([]byte(password), p.salt, p.passes, p.memoryKiB, p.threads, uint32(len(p.tag)))
	return subtle.ConstantTimeCompare(tag, p.tag) == 1, nil
}

type phcParams struct {
	memoryKiB, passes uint32
	threads           uint8
	salt, tag         []byte
}

// encodePHC writes the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$tag.
func encodePHC(memoryKiB, passes uint32, threads uint8, salt, tag []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, threads,
		b64.EncodeToString(salt), b64.EncodeToString(tag))
}

// parsePHC takes what encodePHC wrote, with any parameters in bounds: a stored string must not be able to take the
// node's memory.
func parsePHC(s string) (phcParams, error) {
	var p phcParams
	bad := func(what string) (phcParams, error) { return phcParams{}, fmt.Errorf("stored password hash: %s", what) }
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return bad("not an argon2id PHC string of version 19")
	}
	var m, t, n uint64
	for i, kv := range strings.Split(parts[3], ",") {
		key, value, _ := strings.Cut(kv, "=")
		v, err := strconv.ParseUint(value, 10, 32)
		switch {
		case err != nil:
			return bad("a parameter is not a number")
		case i == 0 && key == "m":
			m = v
		case i == 1 && key == "t":
			t = v
		case i == 2 && key == "p":
			n = v
		default:
			return bad("parameters are not m, t, p")
		}
	}
	if m < 8 || m > maxArgonMemoryKiB || t < 1 || t > maxArgonTime || n < 1 || n > maxArgonThreads {
		return bad("parameters are out of bounds")
	}
	p.memoryKiB, p.passes, p.threads = uint32(m), uint32(t), uint8(n)
	b64 := base64.RawStdEncoding.Strict()
	var err error
	if p.salt, err = b64.DecodeString(parts[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return bad("the salt is not 8 to 64 bytes of base64")
	}
	if p.tag, err = b64.DecodeString(parts[5]); err != nil || len(p.tag) < 16 || len(p.tag) > 64 {
		return bad("the tag is not 16 to 64 bytes of base64")
	}
	return p, nil
}
