package store

import (
	"sort"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Session is a live session and the account that it acts for.
type Session struct {
	AccountID   uint64
	Username    string
	DisplayName string
	Status      string
	Operator    bool
	// Bot is set for a bot's token, which may send to OnlyConversation and do nothing else.
	Bot              bool
	OnlyConversation uint64
	// ID names the session in RevokeSession.
	ID        string
	Client    string
	CreatedMS int64
	ExpiresMS int64
}

// Credentials are what a password is checked against.
type Credentials struct {
	AccountID  uint64
	PHC        string
	Generation uint64
	Deleted    bool
}

// Session returns the live session of a token's hash; ErrNoSession when there is none.
func (v *View) Session(tokenSHA256 []byte) (ses Session, err error) {
	defer v.guard(&err)()
	s, err := v.session(tokenSHA256)
	if err != nil {
		return Session{}, err
	}
	if s == nil || len(s.GetEndedBy()) != 0 {
		return Session{}, ErrNoSession
	}
	a, err := v.person(s.GetAccount())
	if err != nil {
		return Session{}, err
	}
	if !alive(s, a, v.p.clockMS) {
		return Session{}, ErrNoSession
	}
	if a.GetOwner() != 0 {
		owner, err := v.person(a.GetOwner())
		if err != nil {
			return Session{}, err
		}
		if owner.GetDeleted() || owner.GetSuspended() {
			return Session{}, ErrNoSession
		}
	}
	return Session{
		AccountID: s.GetAccount(), Username: a.GetUsername(), DisplayName: a.GetDisplayName(), Status: a.GetStatus(),
		Operator: a.GetOperator(), Bot: a.GetOwner() != 0, OnlyConversation: s.GetOnlyConversation(),
		ID: sessionID(s.GetNumber()), Client: s.GetClient(), CreatedMS: s.GetCreatedUnixMs(), ExpiresMS: s.GetExpiresUnixMs(),
	}, nil
}

// Answered says whether a request of an operator was carried out and has its answer, whatever it asked for. tokenSHA256 is the
// caller's, nil for the admin socket: the answer is looked up where Apply keeps it. ErrNoSession when the session is none.
func (v *View) Answered(tokenSHA256, request []byte) (known bool, err error) {
	defer v.guard(&err)()
	key := keyNamedAnswer(v.key(), "", request)
	if len(tokenSHA256) > 0 {
		ses, err := v.Session(tokenSHA256)
		if err != nil {
			return false, err
		}
		key = keyAnswer(v.key(), ses.AccountID, request)
	}
	a, err := load[internalv1.AnswerRecord](&v.layers, key)
	return a != nil, err
}

// Credentials returns an account's password hash; ErrNotFound when there is no such account. Of a deleted account only
// Deleted means anything.
func (v *View) Credentials(username string) (c Credentials, err error) {
	defer v.guard(&err)()
	id, a, err := v.byName(username)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		AccountID: id, PHC: a.GetPasswordPhc(), Generation: a.GetGeneration(), Deleted: a.GetDeleted(),
	}, nil
}

// User returns an account by name, also a deleted one; ErrNotFound when the name was never taken.
func (v *View) User(username string) (u *parleyv1.User, err error) {
	defer v.guard(&err)()
	_, a, err := v.byName(username)
	if err != nil {
		return nil, err
	}
	return userOf(a), nil
}

func (v *View) byName(username string) (uint64, *internalv1.AccountRecord, error) {
	id, err := v.accountID(foldName(username))
	if err != nil {
		return 0, nil, err
	}
	if id == 0 {
		return 0, nil, ErrNotFound
	}
	a, err := v.person(id)
	return id, a, err
}

func userOf(a *internalv1.AccountRecord) *parleyv1.User {
	return &parleyv1.User{
		Username: a.GetUsername(), DisplayName: a.GetDisplayName(), Deleted: a.GetDeleted(), Operator: a.GetOperator(),
		Status: a.GetStatus(), Suspended: a.GetSuspended(), Bot: a.GetOwner() != 0,
	}
}

// Users returns accounts whose name matches a glob, in name order after the name given, and the name to go on after; ""
// at the end. Deleted accounts are left out. A page may hold fewer than limit, even none, and yet not be the last.
func (v *View) Users(pattern, after string, limit int) (users []*parleyv1.User, next string, err error) {
	defer v.guard(&err)()
	if pattern == "" {
		pattern = "*"
	}
	pattern = foldName(pattern)
	limit = clampLimit(limit)
	prefix := keyAccountName(nil, globPrefix(pattern))
	lo, hi := prefix, prefixEnd(prefix)
	if after != "" {
		if from := append(keyAccountName(nil, after), 0); string(from) > string(lo) {
			lo = from
		}
	}
	it := v.scan(lo, hi, false)
	for scanned := 0; it.next(); scanned++ {
		name := string(it.key[1:])
		if scanned == maxUserScan {
			return users, next, nil
		}
		if len(users) == limit {
			return users, users[limit-1].GetUsername(), nil
		}
		next = name
		if !globMatch(pattern, name) {
			continue
		}
		n, err := decode[internalv1.NumberRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, "", err
		}
		a, err := v.account(n.GetNumber())
		if err != nil {
			return nil, "", err
		}
		if !a.GetDeleted() {
			users = append(users, userOf(a))
		}
	}
	return users, "", it.err
}

// Sessions returns the live sessions of the caller's account, the newest first.
func (v *View) Sessions(s Session) (out []*parleyv1.Session, err error) {
	defer v.guard(&err)()
	a, err := v.person(s.AccountID)
	if err != nil {
		return nil, err
	}
	lo := appendU64s(nil, tagSessionOf, s.AccountID)
	it := v.scan(lo, prefixEnd(lo), true)
	for it.next() {
		t, err := decode[internalv1.TokenRecord](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		r, err := v.session(t.GetTokenSha256())
		if err != nil {
			return nil, err
		}
		if r == nil || !alive(r, a, v.p.clockMS) {
			continue
		}
		id := sessionID(r.GetNumber())
		out = append(out, &parleyv1.Session{
			Id: id, Client: r.GetClient(), Created: timestamp(r.GetCreatedUnixMs()),
			Expires: timestamp(r.GetExpiresUnixMs()), Current: id == s.ID,
		})
	}
	return out, it.err
}

func clampLimit(limit int) int { return min(max(limit, 1), MaxPage) }

// sortEvents puts events in the order of the log.
func sortEvents(es []foundEvent) {
	sort.Slice(es, func(i, j int) bool { return es[i].pos.less(es[j].pos) })
}
