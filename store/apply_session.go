package store

import (
	"bytes"
	"strconv"

	"parley/proto/internalv1"
)

// caller is who a command acts for.
type caller struct {
	*hotAccount
	session *internalv1.SessionRecord
	token   []byte
}

// begin does the first two steps of a command with a session: who is it, and was it answered before? With an answer the
// command is over. A bot's token may give no command that begins so.
func (m *machine) begin(token []byte, digest [digestBytes]byte) (caller, *internalv1.Result, error) {
	by, answer, err := m.beginAny(token, digest)
	if answer == nil && err == nil && by.session.GetOnlyConversation() != 0 {
		return caller{}, refuseScope(), nil
	}
	return by, answer, err
}

// beginAny is begin for any session.
func (m *machine) beginAny(token []byte, digest [digestBytes]byte) (caller, *internalv1.Result, error) {
	s, err := m.session(token)
	if err != nil {
		return caller{}, nil, err
	}
	if s == nil {
		return caller{}, refuseSession(), nil
	}
	if len(s.GetEndedBy()) != 0 {
		// The request that ended the session is answered again; to all else the session is gone.
		if !bytes.Equal(s.GetEndedBy(), m.request) {
			return caller{}, refuseSession(), nil
		}
		if !bytes.Equal(s.GetDigest(), digest[:]) {
			return caller{}, refuse(internalv1.Reason_REASON_REQUEST_ID_REUSED, "request_id",
				"this id was used for another request; make a new one"), nil
		}
		return caller{}, done(), nil
	}
	a, err := m.account(s.GetAccount())
	if err != nil {
		return caller{}, nil, err
	}
	if !alive(s, a.AccountRecord, m.clock()) {
		return caller{}, refuseSession(), nil
	}
	if ok, err := m.ownerActs(a); !ok || err != nil {
		return caller{}, refuseSession(), err
	}
	answer, err := m.answered(scope{account: a}, digest)
	return caller{hotAccount: a, session: s, token: token}, answer, err
}

// alive says whether a session is in force.
func alive(s *internalv1.SessionRecord, a *internalv1.AccountRecord, clock int64) bool {
	return len(s.GetEndedBy()) == 0 && s.GetGeneration() == a.GetGeneration() && !a.GetDeleted() &&
		clock < s.GetExpiresUnixMs()
}

func sessionID(number uint64) string { return strconv.FormatUint(number, 10) }

func (m *machine) login(b *internalv1.Login) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("login").str(name).bytes(b.GetTokenSha256()).str(b.GetClient()).digest()
	sc := scope{name: name}
	if answer, err := m.answered(sc, digest); answer != nil || err != nil {
		return answer, err
	}
	if len(b.GetTokenSha256()) != tokenBytes {
		return refuseField("token", "must have 32 bytes"), nil
	}
	if why := badLabel(b.GetClient(), MaxClientRunes); why != "" {
		return refuseField("client", "%s", why), nil
	}
	a, err := m.accountByName(name)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return refuseNoUser("username", name), nil
	case a.GetDeleted():
		return refuseDeletedUser("username", name), nil
	case a.GetGeneration() != b.GetCredentialGeneration():
		return refuseCredentials(), nil
	case a.GetSuspended():
		return refuseSuspended("username", name), nil
	case a.GetOwner() != 0:
		return refuseBot(name), nil
	}
	if s, err := m.session(b.GetTokenSha256()); err != nil {
		return nil, err
	} else if s != nil {
		return refuseField("token", "was used before; make a new one"), nil
	}

	for a.GetSessions() >= MaxSessions {
		if err := m.endOldest(a); err != nil {
			return nil, err
		}
	}
	a.LastSession++
	a.Sessions++
	m.touchAccount(a)
	s := &internalv1.SessionRecord{
		Account: a.id, Generation: a.GetGeneration(), Number: a.GetLastSession(), Client: b.GetClient(),
		CreatedUnixMs: m.clock(), ExpiresUnixMs: m.clock() + SessionLifeMS,
	}
	if err := m.newSession(b.GetTokenSha256(), s); err != nil {
		return nil, err
	}
	r := &internalv1.Result{Outcome: &internalv1.Result_Login{Login: &internalv1.LoginResult{
		Username: a.GetUsername(), DisplayName: a.GetDisplayName(), Operator: a.GetOperator(),
		SessionId: sessionID(s.GetNumber()), CreatedUnixMs: s.GetCreatedUnixMs(), ExpiresUnixMs: s.GetExpiresUnixMs(),
	}}}
	if err := m.audit(a.id, actLogin, "", b.GetClient()); err != nil {
		return nil, err
	}
	return r, m.record(sc, digest, r)
}

func refuseCredentials() *internalv1.Result {
	return refuse(internalv1.Reason_REASON_CREDENTIALS_CHANGED, "", "the password was changed meanwhile; try again")
}

func (m *machine) newSession(token []byte, s *internalv1.SessionRecord) error {
	key := keySession(m.key(), token)
	if err := m.insert(key, s); err != nil {
		return err
	}
	if err := m.expireAt(s.GetExpiresUnixMs(), bytes.Clone(key)); err != nil {
		return err
	}
	m.sessions.put([tokenBytes]byte(token), s)
	return m.insert(keySessionOf(m.key(), s.GetAccount(), s.GetNumber()), &internalv1.TokenRecord{TokenSha256: token})
}

// endSession removes a session. When it ends by a request of its own, the answer to that request stays in its place.
func (m *machine) endSession(a *hotAccount, s *internalv1.SessionRecord, token []byte, own *[digestBytes]byte) error {
	token = bytes.Clone(token)
	m.remove(keySessionOf(m.key(), a.id, s.GetNumber()))
	m.remove(keyExpiry(m.key(), s.GetExpiresUnixMs(), keySession(nil, token)))
	a.Sessions--
	m.touchAccount(a)
	m.ended = append(m.ended, endedSessions{account: a.id, token: token})
	if own == nil {
		m.sessions.remove([tokenBytes]byte(token))
		m.remove(keySession(m.key(), token))
		return nil
	}
	left := &internalv1.SessionRecord{
		Account: a.id, Number: s.GetNumber(), EndedBy: bytes.Clone(m.request), Digest: own[:],
	}
	if ms, ok := uuid7MS(m.request); ok {
		left.ExpiresUnixMs = max(m.clock(), ms) + AnswerLifeMS
		if err := m.expireAt(left.GetExpiresUnixMs(), keySession(nil, token)); err != nil {
			return err
		}
	}
	m.sessions.put([tokenBytes]byte(token), left)
	return m.put(keySession(m.key(), token), left)
}

// sessionsOf lists the sessions of an account, the oldest first: at most MaxSessions.
func (m *machine) sessionsOf(a *hotAccount) (tokens [][]byte, err error) {
	lo := appendU64s(nil, tagSessionOf, a.id)
	it := m.scan(lo, prefixEnd(lo), false)
	for it.next() {
		t, err := decode[internalv1.TokenRecord](&m.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t.GetTokenSha256())
	}
	return tokens, it.err
}

func (m *machine) endOldest(a *hotAccount) error {
	tokens, err := m.sessionsOf(a)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		return &ContradictionError{Err: errMissing}
	}
	s, err := m.session(tokens[0])
	if s, err = must(s, err, "session of account", a.id); err != nil {
		return err
	}
	return m.endSession(a, s, tokens[0], nil)
}

// endAllBut ends every session of an account but one; nil ends all.
func (m *machine) endAllBut(a *hotAccount, keep []byte) error {
	tokens, err := m.sessionsOf(a)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if bytes.Equal(token, keep) {
			continue
		}
		s, err := m.session(token)
		if s, err = must(s, err, "session of account", a.id); err != nil {
			return err
		}
		if err := m.endSession(a, s, token, nil); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) logout(c *internalv1.Command) (*internalv1.Result, error) {
	digest := m.fields("logout").digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if err := m.endSession(by.hotAccount, by.session, by.token, &digest); err != nil {
		return nil, err
	}
	if err := m.audit(by.id, actLogout, "", by.session.GetClient()); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

func (m *machine) revokeSession(c *internalv1.Command, b *internalv1.RevokeSession) (*internalv1.Result, error) {
	digest := m.fields("revoke-session").str(b.GetSessionId()).digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	none := refuse(internalv1.Reason_REASON_SESSION_NOT_FOUND, "session_id", "there is no session %q", b.GetSessionId())
	number, badNumber := strconv.ParseUint(b.GetSessionId(), 10, 64)
	if badNumber != nil || sessionID(number) != b.GetSessionId() {
		return none, nil //nolint:nilerr // what is no session id names no session
	}
	t, err := load[internalv1.TokenRecord](&m.layers, keySessionOf(m.key(), by.id, number))
	if err != nil {
		return nil, err
	}
	if t == nil {
		return none, nil
	}
	s, err := m.session(t.GetTokenSha256())
	if s, err = must(s, err, "session", by.id, number); err != nil {
		return nil, err
	}
	var own *[digestBytes]byte
	if bytes.Equal(t.GetTokenSha256(), by.token) {
		own = &digest
	}
	if err := m.endSession(by.hotAccount, s, t.GetTokenSha256(), own); err != nil {
		return nil, err
	}
	if err := m.audit(by.id, actLogout, "", s.GetClient()); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}
