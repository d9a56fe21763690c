package store

import (
	"bytes"
	"encoding/hex"

	"parley/proto/internalv1"
)

const (
	codeHashBytes = 32
	// inviteIDBytes of a code's hash name the invite: enough that no two are alike, and no way back to the code.
	inviteIDBytes = 8
)

func inviteID(code []byte) string { return hex.EncodeToString(code[:inviteIDBytes]) }

// refuseRegistration is the refusal of an account without a code, nil where registration is open.
func (m *machine) refuseRegistration() *internalv1.Result {
	switch registrationOf(m.globals) {
	case registrationInvite:
		return refuse(internalv1.Reason_REASON_REGISTRATION_CLOSED, "invite_code",
			"an account here needs an invite code; ask an operator for one")
	case registrationClosed:
		return refuseClosed()
	default:
		return nil
	}
}

func refuseClosed() *internalv1.Result {
	return refuse(internalv1.Reason_REASON_REGISTRATION_CLOSED, "", "nobody can register here; ask an operator for an account")
}

// registerUser makes an account with an invite code, which it uses up by one; or, without a code, an operator's import makes
// it whatever the policy. An import keeps its answers as createUser does, under the name and with the same digest: its
// accounts have one request id, and a retry may come by either command.
func (m *machine) registerUser(c *internalv1.Command, b *internalv1.RegisterUser) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	display := b.GetDisplayName()
	if display == "" {
		display = name
	}
	byOperator := len(b.GetCodeSha256()) == 0
	digest := m.fields("create-user").str(name).str(display).digest()
	if !byOperator {
		digest = m.fields("register-user").str(name).str(display).bytes(b.GetCodeSha256()).digest()
	}
	sc := scope{name: name}
	if answer, err := m.answered(sc, digest); answer != nil || err != nil {
		return answer, err
	}
	if why := badLabel(display, MaxDisplayNameRunes); why != "" {
		return refuseField("display_name", "%s", why), nil
	}
	if why := badPHC(b.GetPasswordPhc()); why != "" {
		return refuseField("password", "%s", why), nil
	}
	var by scope
	var invite *internalv1.InviteRecord
	var refusal *internalv1.Result
	var err error
	if byOperator {
		by, refusal, err = m.importer(c, b.GetFromAdminSocket(), digest)
	} else {
		invite, refusal, err = m.invite(b.GetCodeSha256())
	}
	if refusal != nil || err != nil {
		return refusal, err
	}
	if a, err := m.accountByName(name); err != nil {
		return nil, err
	} else if a != nil {
		return refuseTaken(name), nil
	}
	a, err := m.newAccount(&internalv1.AccountRecord{
		Username: name, DisplayName: display, PasswordPhc: b.GetPasswordPhc(),
	})
	if err != nil {
		return nil, err
	}
	actor, detail := by.actor(), "import"
	if invite != nil {
		actor, detail = a.id, "invite "+inviteID(b.GetCodeSha256())
		if err := m.useInvite(b.GetCodeSha256(), invite); err != nil {
			return nil, err
		}
	}
	if err := m.audit(actor, actRegister, name, detail); err != nil {
		return nil, err
	}
	r := userResult(a)
	return r, m.record(sc, digest, r)
}

// importer checks that an operator makes an account.
func (m *machine) importer(c *internalv1.Command, fromSocket bool, digest [digestBytes]byte) (
	scope, *internalv1.Result, error) {
	if len(c.GetSession()) == 0 && fromSocket {
		return scope{}, nil, nil
	}
	return m.operator(c, fromSocket, "", digest)
}

// invite finds a code that admits.
func (m *machine) invite(code []byte) (*internalv1.InviteRecord, *internalv1.Result, error) {
	if registrationOf(m.globals) == registrationClosed {
		return nil, refuseClosed(), nil
	}
	if len(code) != codeHashBytes {
		return nil, refuseField("invite_code", "must have a hash of 32 bytes"), nil
	}
	r, err := load[internalv1.InviteRecord](&m.layers, keyInvite(m.layers.key(), code))
	if err != nil {
		return nil, nil, err
	}
	if r == nil || !inForce(r, m.clock()) {
		return nil, refuse(internalv1.Reason_REASON_INVITE_INVALID, "invite_code",
			"the invite code is wrong, used up or too old; ask for another"), nil
	}
	return r, nil, nil
}

// inForce says whether an invite admits by the state clock. A slice removes it some time after its end.
func inForce(r *internalv1.InviteRecord, clock int64) bool {
	return r.GetUsesLeft() > 0 && clock < r.GetExpiresUnixMs()
}

func (m *machine) useInvite(code []byte, r *internalv1.InviteRecord) error {
	if r.UsesLeft--; r.GetUsesLeft() == 0 {
		m.endInvite(code, r)
		return nil
	}
	return m.put(keyInvite(m.key(), code), r)
}

func (m *machine) endInvite(code []byte, r *internalv1.InviteRecord) {
	m.remove(keyInvite(m.key(), code))
	m.remove(keyExpiry(m.key(), r.GetExpiresUnixMs(), keyInvite(nil, code)))
	m.globals.Invites--
	m.touchGlobals()
}

// createInvite lets a code admit accounts for a while. Nobody but who made the code knows it: the state has its hash.
func (m *machine) createInvite(c *internalv1.Command, b *internalv1.CreateInvite) (*internalv1.Result, error) {
	digest := m.fields("create-invite").bytes(b.GetCodeSha256()).num(uint64(b.GetUses())).num(uint64(b.GetDays())).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), "", digest)
	if answer != nil || err != nil {
		return answer, err
	}
	switch {
	case len(b.GetCodeSha256()) != codeHashBytes:
		return refuseField("code", "must have a hash of 32 bytes"), nil
	case b.GetUses() == 0 || b.GetUses() > MaxInviteUses:
		return refuseField("uses", "must be 1 to %d", MaxInviteUses), nil
	case b.GetDays() == 0 || b.GetDays() > MaxInviteDays:
		return refuseField("days", "must be 1 to %d", MaxInviteDays), nil
	case m.globals.GetInvites() >= MaxInvites:
		return refuseLimit("code", "%d invites are in force, which is the most there may be; revoke some", MaxInvites), nil
	}
	id := b.GetCodeSha256()[:inviteIDBytes]
	if code, _, err := m.inviteByID(id); err != nil {
		return nil, err
	} else if code != nil {
		return refuseField("code", "is in use; make a new one"), nil
	}
	r := &internalv1.InviteRecord{
		CreatedBy: sc.actor(), ExpiresUnixMs: m.clock() + int64(b.GetDays())*dayMS, UsesLeft: b.GetUses(),
	}
	key := keyInvite(m.key(), b.GetCodeSha256())
	if err := m.put(key, r); err != nil {
		return nil, err
	}
	if err := m.expireAt(r.GetExpiresUnixMs(), bytes.Clone(key)); err != nil {
		return nil, err
	}
	m.globals.Invites++
	m.touchGlobals()
	if err := m.audit(sc.actor(), actInvite, hex.EncodeToString(id), ""); err != nil {
		return nil, err
	}
	by := ""
	if sc.account != nil {
		by = sc.account.GetUsername()
	}
	res := &internalv1.Result{Outcome: &internalv1.Result_Invite{Invite: &internalv1.InviteResult{
		Id: hex.EncodeToString(id), CreatedBy: by, ExpiresUnixMs: r.GetExpiresUnixMs(), UsesLeft: r.GetUsesLeft(),
	}}}
	return res, m.record(sc, digest, res)
}

// inviteByID finds an invite by the beginning of its code's hash; nil when there is none.
func (m *machine) inviteByID(id []byte) (code []byte, r *internalv1.InviteRecord, err error) {
	lo := keyInvite(nil, id)
	it := m.scan(lo, prefixEnd(lo), false)
	if !it.next() {
		return nil, nil, it.err
	}
	r, err = decode[internalv1.InviteRecord](&m.layers, it.key, it.value)
	return bytes.Clone(it.key[1:]), r, err
}

// revokeInvite takes a code out of force.
func (m *machine) revokeInvite(c *internalv1.Command, b *internalv1.RevokeInvite) (*internalv1.Result, error) {
	digest := m.fields("revoke-invite").str(b.GetId()).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), "", digest)
	if answer != nil || err != nil {
		return answer, err
	}
	var code []byte
	var r *internalv1.InviteRecord
	if id, bad := hex.DecodeString(b.GetId()); bad == nil && len(id) == inviteIDBytes {
		if code, r, err = m.inviteByID(id); err != nil {
			return nil, err
		}
	}
	if r == nil {
		return refuse(internalv1.Reason_REASON_INVITE_INVALID, "id", "there is no invite of this id"), nil
	}
	m.endInvite(code, r)
	if err := m.audit(sc.actor(), actInvite, inviteID(code), "revoked"); err != nil {
		return nil, err
	}
	res := done()
	return res, m.record(sc, digest, res)
}
