package sim

import (
	"crypto/sha256"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/store"
)

// client is a person with an account: one request after the other, each made again under its id until it has a result.
type client struct {
	w     *world
	n     int
	name  string
	token []byte
	// home is the node that is asked first.
	home    *replica
	steps   int
	op      *op
	sent    []*sent
	tail    tail
	session bool
}

// op is one request.
type op struct {
	what    string
	request []byte
	cmd     []byte
	tries   int
	unsure  bool
	done    func(node.Answer, *internalv1.Result)
	ended   bool
	began   time.Duration
	// refusable is called when the state machine refuses; nil where that breaks a promise.
	refusable func()
}

func (w *world) newClient(n int) *client {
	c := &client{w: w, n: n, name: fmt.Sprintf("u%d", n), home: w.any()}
	token := sha256.Sum256(fmt.Appendf(nil, "token of %s", c.name))
	c.token = token[:]
	w.law.register.names[string(c.token)] = c.name
	w.after(w.between(0, time.Second), c.create)
	return c
}

// request is a version 7 UUID of the present.
func (c *client) request() []byte {
	c.steps++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", c.name, c.steps))
	id := sum[:16]
	ms := wallStart + c.w.now.Milliseconds()
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

func (c *client) create() {
	c.begin("create", &internalv1.Command{Body: &internalv1.Command_CreateUser{CreateUser: &internalv1.CreateUser{
		Username: c.name, DisplayName: c.name, PasswordPhc: "$argon2id$simulated",
	}}}, func(node.Answer, *internalv1.Result) { c.login() })
}

func (c *client) login() {
	c.begin("login", &internalv1.Command{Body: &internalv1.Command_Login{Login: &internalv1.Login{
		Username: c.name, TokenSha256: c.token, CredentialGeneration: 1, Client: "simulated",
	}}}, func(node.Answer, *internalv1.Result) {
		c.session = true
		c.think()
	})
}

// begin makes a request under a new id.
func (c *client) begin(what string, cmd *internalv1.Command, done func(node.Answer, *internalv1.Result)) {
	cmd.RequestId = c.request()
	b, err := proto.Marshal(cmd)
	c.w.must(err)
	c.op = &op{what: what, request: cmd.GetRequestId(), cmd: b, done: done, began: c.w.now}
	c.try(c.op)
}

// think waits, then does the next thing.
func (c *client) think() {
	c.op = nil
	c.w.after(c.w.between(c.w.weather.thinkHi/10, c.w.weather.thinkHi), func() {
		switch p := c.w.rng.IntN(100); {
		case c.w.now > c.w.o.Time-quietTime: // nothing new
		case p < 35:
			c.send()
		case p < 50:
			c.read()
		case p < 54:
			c.mark()
		case p < 57:
			c.remove()
		case p < 90:
			c.inRoom()
		default:
			c.follow()
		}
	})
}

// try asks one node. Silence is answered by asking another one.
func (c *client) try(o *op) {
	w := c.w
	o.tries++
	if o.tries > 1 {
		c.home = w.any()
	}
	r, ended := c.home, false
	end := func(a node.Answer) {
		if ended || o.ended {
			return
		}
		ended = true
		c.answered(o, a)
	}
	w.after(callTimeout, func() { end(node.Answer{Err: &node.Error{Outcome: node.Unknown, Cause: node.CauseDeadline}}) })
	w.after(w.way(), func() {
		if r.s == nil {
			w.after(w.way(), func() { end(node.Answer{Err: &node.Error{Outcome: node.NotApplied, Cause: node.CauseStopped}}) })
			return
		}
		r.after(0, func() {
			r.s.Propose(o.cmd, false, func(a node.Answer) {
				if !w.chance(w.weather.lostAnswer) {
					w.after(w.way(), func() { end(a) })
				}
			})
			r.wake()
		})
	})
}

// answered takes the end of one try.
func (c *client) answered(o *op, a node.Answer) {
	w := c.w
	if a.Err != nil {
		if a.Err.Outcome == node.Unknown {
			o.unsure = true
		}
		w.after(w.between(5*time.Millisecond, 200*time.Millisecond), func() { c.try(o) })
		return
	}
	o.ended = true
	if o.unsure {
		w.counts.Unknown++
	}
	w.law.durable(w, a.Index)
	res := new(internalv1.Result)
	w.must(proto.Unmarshal(a.Result, res))
	w.law.acked = max(w.law.acked, a.Index)
	w.law.register.answered(c, o, a, res)
	if refusal := res.GetRefusal(); refusal != nil {
		if o.refusable != nil {
			w.counts.Refused++
			w.note("refused: "+o.what, uint64(refusal.GetReason()))
			o.refusable()
			return
		}
		w.fail("%s: %s by try %d was refused: %v", c.name, o.what, o.tries, refusal)
	}
	w.note("done: "+o.what, uint64(c.n), a.Index, uint64(o.tries))
	o.done(a, res)
}

// mark reads everything of a conversation as read, which is harmless whatever is there.
func (c *client) mark() {
	with := c.somebody()
	top := c.w.chat(c.name, with).acked
	if top == 0 {
		c.think()
		return
	}
	c.begin("mark", &internalv1.Command{Session: c.token, Body: &internalv1.Command_MarkRead{MarkRead: &internalv1.MarkRead{
		Ranges: []*internalv1.MarkRead_Range{{Conversation: "@" + with, FromSeq: 1, ToSeq: top}},
	}}}, func(node.Answer, *internalv1.Result) { c.think() })
}

// somebody is a client that exists for certain: one that has logged in, or this one.
func (c *client) somebody() string {
	if other := c.w.clients[c.w.rng.IntN(len(c.w.clients))]; other.session {
		return other.name
	}
	return c.name
}

// read asks a node for a linearizable page.
func (c *client) read() {
	with := c.somebody()
	chat := c.w.chat(c.name, with)
	c.consult(func() func(*replica) {
		floor := chat.floor()
		return func(r *replica) { chat.shown(c, r, floor, c.look(r, "@"+with)) }
	})
}

// consult makes a linearizable read: begin is called when it begins and returns what looks at the node that serves it.
func (c *client) consult(begin func() func(*replica)) {
	w := c.w
	o := &op{what: "read", began: w.now}
	c.op = o
	var try func()
	try = func() {
		o.tries++
		if o.tries > 1 {
			c.home = w.any()
		}
		r, ended := c.home, false
		end := func(ok bool) {
			if ended {
				return
			}
			ended = true
			if ok {
				w.counts.Reads++
				w.note("done: read", uint64(c.n))
				c.think()
				return
			}
			w.after(w.between(5*time.Millisecond, 200*time.Millisecond), try)
		}
		look := begin()
		w.after(callTimeout, func() { end(false) })
		w.after(w.way(), func() {
			if r.s == nil {
				end(false)
				return
			}
			r.after(0, func() {
				r.s.Read(func(err *node.Error) {
					if ended || err != nil {
						w.after(w.way(), func() { end(false) })
						return
					}
					look(r)
					w.after(w.way(), func() { end(true) })
				})
				r.wake()
			})
		})
	}
	try()
}

// look reads the newest page on one node.
func (c *client) look(r *replica, conversation string) []message {
	v, err := r.s.Store().View()
	c.w.must(err)
	defer v.Close()
	ses, err := v.Session(c.token)
	if err != nil {
		c.w.fail("node %d does not know the session of %s: %v", r.id, c.name, err)
	}
	read, err := v.Messages(ses, store.MessageQuery{Conversation: conversation, Limit: page})
	c.w.must(err)
	return plain(read.Messages)
}
