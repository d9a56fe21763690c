package store

import (
	"parley/proto/internalv1"
)

func (m *machine) createUser(_ *internalv1.Command, b *internalv1.CreateUser) (*internalv1.Result, error) {
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
	if a, err := m.accountByName(name); err != nil {
		return nil, err
	} else if a != nil {
		return refuse(internalv1.Reason_REASON_USER_EXISTS, "username", "the name %q is taken", name), nil
	}

	m.globals.LastAccount++
	m.touchGlobals()
	a := &hotAccount{id: m.globals.GetLastAccount(), AccountRecord: &internalv1.AccountRecord{
		Username: name, DisplayName: display, PasswordPhc: b.GetPasswordPhc(), Generation: 1, CreatedUnixMs: m.clock(),
	}}
	if err := m.insert(keyAccount(m.key(), a.id), a.AccountRecord); err != nil {
		return nil, err
	}
	if err := m.insert(keyAccountName(m.key(), name), &internalv1.NumberRecord{Number: a.id}); err != nil {
		return nil, err
	}
	m.accounts.put(a.id, a)
	m.names.put(name, a.id)
	r := &internalv1.Result{Outcome: &internalv1.Result_User{User: &internalv1.UserResult{
		Username: name, DisplayName: display,
	}}}
	return r, m.record(sc, digest, r)
}
