package store

import (
	"parley/proto/internalv1"
)

func (m *machine) createUser(b *internalv1.CreateUser) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	display := b.GetDisplayName()
	if display == "" {
		display = name
	}
	digest := m.fields("create-user").str(name).str(display).digest()
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
	if refusal := m.refuseRegistration(); refusal != nil {
		return refusal, nil
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
	if err := m.audit(a.id, actRegister, name, ""); err != nil {
		return nil, err
	}
	r := userResult(a)
	return r, m.record(sc, digest, r)
}

func refuseTaken(name string) *internalv1.Result {
	return refuse(internalv1.Reason_REASON_USER_EXISTS, "username", "the name %q is taken", name)
}

// newAccount stores an account under the next number. Nobody has, or had, its name.
func (m *machine) newAccount(r *internalv1.AccountRecord) (*hotAccount, error) {
	m.globals.LastAccount++
	m.touchGlobals()
	r.Generation, r.CreatedUnixMs = 1, m.clock()
	a := &hotAccount{id: m.globals.GetLastAccount(), AccountRecord: r}
	if err := m.insert(keyAccount(m.key(), a.id), r); err != nil {
		return nil, err
	}
	if err := m.insert(keyAccountName(m.key(), r.GetUsername()), &internalv1.NumberRecord{Number: a.id}); err != nil {
		return nil, err
	}
	m.accounts.put(a.id, a)
	m.names.put(r.GetUsername(), a.id)
	return a, nil
}

// changePassword replaces the password and ends every other session; the calling one goes on under the new generation.
func (m *machine) changePassword(c *internalv1.Command, b *internalv1.ChangePassword) (*internalv1.Result, error) {
	digest := m.fields("change-password").digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if by.GetGeneration() != b.GetCredentialGeneration() {
		return refuseCredentials(), nil
	}
	if why := badPHC(b.GetNewPasswordPhc()); why != "" {
		return refuseField("new_password", "%s", why), nil
	}
	if err := m.setPassword(by.hotAccount, b.GetNewPasswordPhc(), by.token); err != nil {
		return nil, err
	}
	by.session.Generation = by.GetGeneration()
	if err := m.put(keySession(m.key(), by.token), by.session); err != nil {
		return nil, err
	}
	if err := m.audit(by.id, actPassword, "", ""); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(scope{account: by.hotAccount}, digest, r)
}

func (m *machine) setPassword(a *hotAccount, phc string, keep []byte) error {
	a.PasswordPhc = phc
	a.Generation++
	m.touchAccount(a)
	return m.endAllBut(a, keep)
}

// deleteUser marks the account: what it sent reads as erased from this entry on.
// EraseSlice commands tell the others and clear the texts later. The name stays reserved.
func (m *machine) deleteUser(c *internalv1.Command, b *internalv1.DeleteUser) (*internalv1.Result, error) {
	digest := m.fields("delete-user").digest()
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if by.GetGeneration() != b.GetCredentialGeneration() {
		return refuseCredentials(), nil
	}
	a := by.hotAccount
	if err := m.endAllBut(a, by.token); err != nil {
		return nil, err
	}
	if err := m.endSession(a, by.session, by.token, &digest); err != nil {
		return nil, err
	}
	if err := m.audit(a.id, actDelete, "", ""); err != nil {
		return nil, err
	}
	return done(), m.deleteAccount(a)
}

// deleteAccount marks an account, whose sessions have ended, as deleted. That is all, however much it sent.
func (m *machine) deleteAccount(a *hotAccount) error {
	a.Deleted, a.Operator = true, false
	a.DisplayName, a.PasswordPhc, a.Status = "", "", ""
	a.Generation++
	m.touchAccount(a)
	m.erasing++
	left, err := m.traced(a.id)
	if err != nil {
		return err
	}
	if err := m.insert(keyErase(m.key(), a.id), &internalv1.EraseRecord{Left: left}); err != nil {
		return err
	}
	if a.GetOwner() == 0 {
		return nil
	}
	owner, err := m.account(a.GetOwner())
	if err != nil {
		return err
	}
	owner.Bots--
	m.touchAccount(owner)
	m.remove(keyBot(m.key(), owner.id, a.id))
	return nil
}

// operator checks who gives an operator's command: an operator's session, or a node's admin socket. Answers to the
// latter are kept under the name that the command is about.
func (m *machine) operator(c *internalv1.Command, fromSocket bool, target string, digest [digestBytes]byte) (
	scope, *internalv1.Result, error) {
	if len(c.GetSession()) == 0 && fromSocket {
		sc := scope{name: target}
		answer, err := m.answered(sc, digest)
		return sc, answer, err
	}
	by, answer, err := m.begin(c.GetSession(), digest)
	if answer != nil || err != nil {
		return scope{}, answer, err
	}
	if !by.GetOperator() {
		return scope{}, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "", "only an operator may do this"), nil
	}
	return scope{account: by.hotAccount}, nil, nil
}

// actor is whom the audit log names: an operator, or 0 for the admin socket.
func (s scope) actor() uint64 {
	if s.account == nil {
		return 0
	}
	return s.account.id
}

// targetAccount finds an account that an operator's command is about.
func (m *machine) targetAccount(name string) (*hotAccount, *internalv1.Result, error) {
	a, err := m.accountByName(name)
	switch {
	case err != nil:
		return nil, nil, err
	case a == nil:
		return nil, refuseNoUser("username", name), nil
	case a.GetDeleted():
		return nil, refuseDeletedUser("username", name), nil
	}
	return a, nil, nil
}

func (m *machine) setOperator(c *internalv1.Command, b *internalv1.SetOperator) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("set-operator").str(name).flag(b.GetOperator()).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), name, digest)
	if answer != nil || err != nil {
		return answer, err
	}
	a, refusal, err := m.targetAccount(name)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if a.GetOwner() != 0 {
		return refuseBot(name), nil
	}
	a.Operator = b.GetOperator()
	m.touchAccount(a)
	detail := "granted"
	if !b.GetOperator() {
		detail = "taken"
	}
	if err := m.audit(sc.actor(), actOperator, name, detail); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(sc, digest, r)
}

// resetPassword sets a password that was lost and ends every session of the account.
func (m *machine) resetPassword(c *internalv1.Command, b *internalv1.ResetPassword) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("reset-password").str(name).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), name, digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if why := badPHC(b.GetNewPasswordPhc()); why != "" {
		return refuseField("new_password", "%s", why), nil
	}
	a, refusal, err := m.targetAccount(name)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if a.GetOwner() != 0 {
		return refuseBot(name), nil
	}
	if err := m.setPassword(a, b.GetNewPasswordPhc(), nil); err != nil {
		return nil, err
	}
	if err := m.audit(sc.actor(), actResetPassword, name, ""); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(sc, digest, r)
}
