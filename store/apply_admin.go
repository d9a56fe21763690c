package store

import (
	"fmt"
	"strings"

	"parley/proto/internalv1"
)

const (
	registrationOpen   = internalv1.Registration_REGISTRATION_OPEN
	registrationInvite = internalv1.Registration_REGISTRATION_INVITE
	registrationClosed = internalv1.Registration_REGISTRATION_CLOSED
)

// suspendUser ends an account's sessions and lets it open none, or ends that. An operator who suspended the own account
// could not take it back.
func (m *machine) suspendUser(c *internalv1.Command, b *internalv1.SuspendUser) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("suspend-user").str(name).flag(b.GetSuspended()).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), name, digest)
	if answer != nil || err != nil {
		return answer, err
	}
	a, refusal, err := m.othersAccount(sc, name)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if a.GetSuspended() != b.GetSuspended() {
		if err := m.suspend(sc, a, b.GetSuspended()); err != nil {
			return nil, err
		}
	}
	r := done()
	return r, m.record(sc, digest, r)
}

func (m *machine) suspend(sc scope, a *hotAccount, suspended bool) error {
	detail := "lifted"
	if suspended {
		detail = ""
		if err := m.endAllBut(a, nil); err != nil {
			return err
		}
	}
	a.Suspended = suspended
	m.touchAccount(a)
	return m.audit(sc.actor(), actSuspend, a.GetUsername(), detail)
}

// othersAccount finds the account that an operator's command is about, which must not be the operator's own: that would end
// the calling session, and a retry could not be answered.
func (m *machine) othersAccount(sc scope, name string) (*hotAccount, *internalv1.Result, error) {
	a, refusal, err := m.targetAccount(name)
	if refusal != nil || err != nil {
		return nil, refusal, err
	}
	if a.id == sc.actor() {
		return nil, refuse(internalv1.Reason_REASON_NOT_ALLOWED, "username",
			"an operator cannot do this to the own account; ask another one, or use the admin socket"), nil
	}
	return a, nil, nil
}

// removeUser is deleteUser by an operator.
func (m *machine) removeUser(c *internalv1.Command, b *internalv1.RemoveUser) (*internalv1.Result, error) {
	name := foldName(b.GetUsername())
	if why := badName(name); why != "" {
		return refuseField("username", "%s", why), nil
	}
	digest := m.fields("remove-user").str(name).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), name, digest)
	if answer != nil || err != nil {
		return answer, err
	}
	a, refusal, err := m.othersAccount(sc, name)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if err := m.endAllBut(a, nil); err != nil {
		return nil, err
	}
	if err := m.deleteAccount(a); err != nil {
		return nil, err
	}
	if err := m.audit(sc.actor(), actRemove, name, ""); err != nil {
		return nil, err
	}
	r := done()
	return r, m.record(sc, digest, r)
}

// updateSettings changes what is set of the cluster's settings.
func (m *machine) updateSettings(c *internalv1.Command, b *internalv1.UpdateSettings) (*internalv1.Result, error) {
	digest := m.fields("update-settings").num(uint64(b.GetRegistration())).
		flag(b.RetainDays != nil).num(uint64(b.GetRetainDays())).digest()
	sc, answer, err := m.operator(c, b.GetFromAdminSocket(), "", digest)
	if answer != nil || err != nil {
		return answer, err
	}
	if b.GetRegistration() < 0 || b.GetRegistration() > registrationClosed {
		return refuseField("registration", "must be open, invite or closed"), nil
	}
	if b.GetRetainDays() > MaxRetainDays {
		return refuseField("retain_days", "must be at most %d", MaxRetainDays), nil
	}
	var changes []string
	if b.GetRegistration() != 0 {
		m.globals.Registration = b.GetRegistration()
		changes = append(changes, "registration "+registrationName(b.GetRegistration()))
	}
	if b.RetainDays != nil {
		m.globals.RetainDays = b.GetRetainDays()
		changes = append(changes, fmt.Sprintf("retain-days %d", b.GetRetainDays()))
	}
	if len(changes) == 0 {
		return refuseField("registration", "set it, or retain_days"), nil
	}
	m.touchGlobals()
	if err := m.audit(sc.actor(), actSettings, "", strings.Join(changes, ", ")); err != nil {
		return nil, err
	}
	r := &internalv1.Result{Outcome: &internalv1.Result_Settings{Settings: &internalv1.SettingsResult{
		Registration: registrationOf(m.globals), RetainDays: m.globals.GetRetainDays(),
	}}}
	return r, m.record(sc, digest, r)
}

// registrationOf is who may make an account: anyone, where nothing was set.
func registrationOf(g *internalv1.GlobalsRecord) internalv1.Registration {
	if g.GetRegistration() == internalv1.Registration_REGISTRATION_UNSPECIFIED {
		return registrationOpen
	}
	return g.GetRegistration()
}

// registrationName is for the audit log; the generated names do not enter the state.
func registrationName(r internalv1.Registration) string {
	switch r {
	case registrationInvite:
		return "invite"
	case registrationClosed:
		return "closed"
	default:
		return "open"
	}
}
