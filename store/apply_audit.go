package store

import (
	"parley/proto/internalv1"
)

// The acts of the audit log. Scripts select by them: they stay.
const (
	actLogin         = "login"
	actLogout        = "logout"
	actPassword      = "password"
	actRegister      = "register"
	actDelete        = "delete"
	actOperator      = "operator"
	actResetPassword = "reset-password"
	actSuspend       = "suspend"
	actRemove        = "remove"
	actSettings      = "settings"
	actInvite        = "invite"
	actMembers       = "members"
	actBot           = "bot"
	actRoomArchive   = "room-archive"
)

// auditVersion is the cluster version from which on acts are noted: commands of before write what they always did.
const auditVersion = 3

// audit notes an act that operators may want to look up: logins, what gives or takes a right, and what operators do. actor is 0
// for a node's admin socket. All texts were checked to be labels. It writes one key, and removes one once MaxAudit are kept.
func (m *machine) audit(actor uint64, act, target, detail string) error {
	if m.globals.GetClusterVersion() < auditVersion {
		return nil
	}
	m.globals.LastAudit++
	m.touchGlobals()
	n := m.globals.GetLastAudit()
	if n > MaxAudit {
		m.remove(keyAudit(m.key(), n-MaxAudit))
	}
	return m.insert(keyAudit(m.key(), n), &internalv1.AuditRecord{
		TimeUnixMs: m.stampMS, Actor: actor, Act: act, Target: target, Detail: detail,
	})
}
