package store

import (
	"bytes"

	"parley/proto/internalv1"
)

// expireSlice removes a bounded number of answers, sessions and invites whose time is over by the state clock.
func (m *machine) expireSlice() (*internalv1.Result, error) {
	var keys [][]byte
	it := m.scan([]byte{tagExpiry}, keyExpiry(nil, m.clock(), nil), false)
	for len(keys) < ExpireItems && it.next() {
		keys = append(keys, bytes.Clone(it.key))
	}
	if it.err != nil {
		return nil, it.err
	}
	for _, key := range keys {
		switch target := key[9:]; target[0] {
		case tagSession:
			if err := m.expireSession(target[1:]); err != nil {
				return nil, err
			}
		case tagInvite:
			m.globals.Invites--
			m.touchGlobals()
			m.remove(target)
		default:
			m.remove(target)
		}
		m.remove(key)
	}
	return done(), m.findNextExpiry()
}

func (m *machine) expireSession(token []byte) error {
	s, err := m.session(token)
	if s, err = must(s, err, "session that expires"); err != nil {
		return err
	}
	if len(s.GetEndedBy()) != 0 {
		m.sessions.remove([tokenBytes]byte(token))
		m.remove(keySession(m.key(), token))
		return nil
	}
	a, err := m.account(s.GetAccount())
	if err != nil {
		return err
	}
	return m.endSession(a, s, token, nil)
}
