package client

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"
)

// Client is one session with a cluster over connections that other Clients may share. All methods are safe for concurrent use.
type Client struct {
	*link
	owner bool // made by Dial: its end is the link's
	// life ends with the Client, and at the latest with the link. It hides the link's own.
	life

	// token is replaced, never changed: streams compare the pointer.
	token atomic.Pointer[[]byte]
	sends sendStreams
}

// Dial makes a Client and begins to connect. It does not wait: the first call does. The error is about the options.
func Dial(o Options) (*Client, error) {
	l, err := newLink(o)
	if err != nil {
		return nil, err
	}
	c := l.newClient(o.Token, true)
	l.conn.Connect()
	l.spawn(l.keep)
	return c, nil
}

// Share returns a Client for another session over this one's connections: for a program that acts for many people, whose
// messages then travel together. The token may be nil, before a login. What is known of the nodes, Options, State, and the
// bounds of limits.go are shared; tokens, streams and calls are not: neither sees the other's SetToken, Login, Logout or end
// of session. Close of a Client that Share made ends its own calls and subscriptions. Close of the one that Dial made, from
// which all others descend, ends them all, and what Share returns after it is closed.
func (c *Client) Share(token []byte) *Client { return c.newClient(token, false) }

// Close ends all calls and subscriptions and returns when every goroutine has ended. Of a Client that Dial made it also ends
// those that share its connections, and closes the channels of States.
func (c *Client) Close() error {
	if c.owner {
		return c.link.close()
	}
	c.stop()
	c.abandonOwn()
	c.end()
	c.forget(c)
	return nil
}

// State returns what is known now. Cheap.
func (c *Client) State() State { return c.pool.getState() }

// States returns a channel that always holds the latest state not yet taken; states in between are skipped. Call it once
// for each reader: at most MaxStateWatchers are kept, of all Clients that share connections. It is closed by Close of the
// Client that Dial made.
func (c *Client) States() <-chan State { return c.pool.watch() }

// Token returns a copy of the session token; nil without a session.
func (c *Client) Token() []byte { return slices.Clone(*c.token.Load()) }

func (c *Client) storeToken(token []byte) {
	t := slices.Clone(token)
	c.token.Store(&t)
}

// SetToken replaces the session token for calls and subscriptions that begin from now on; nil ends its use.
func (c *Client) SetToken(token []byte) {
	c.storeToken(token)
	c.sends.retireEarlier(&c.token)
	c.wake()
}

// dropToken forgets the token if it is still this one: its session has ended.
func (c *Client) dropToken(token []byte) {
	if now := c.token.Load(); slices.Equal(*now, token) && c.token.CompareAndSwap(now, new([]byte)) {
		c.sends.retireEarlier(&c.token)
	}
}

// NewRequestID returns a UUIDv7. Give a request one before the first call to be able to repeat it after a crash of the
// caller; otherwise the Client makes it.
func NewRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// NewToken returns a fresh session token, as Login makes one.
func NewToken() []byte {
	t := make([]byte, TokenBytes)
	_, _ = rand.Read(t) // never fails: crypto/rand ends the process instead
	return t
}

// NewInviteCode makes a code for CreateInvite: 128 random bits in 22 characters.
func NewInviteCode() string {
	b := make([]byte, inviteCodeBytes)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
