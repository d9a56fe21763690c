package chat

import "parley/proto/parleyv1"

// While what was missed comes in, the state is SYNCING. It begins when the list of conversations is asked for with nothing
// current on screen (the start, the end of a time without a quorum), and ends when the subscription has brought the newest
// message that the list knew, or a heartbeat, which comes after everything else.

// syncBegin says that what is shown is not current.
func (m *Model) syncBegin() {
	m.c.Link.Sync.Running, m.c.Link.Sync.Done, m.c.Link.Sync.Total = true, 0, 0
	m.syncTo = 0
}

// syncListed counts what the list has and we do not; to be called before the list is applied.
func (m *Model) syncListed(cs []*parleyv1.Conversation) {
	s := &m.c.Link.Sync
	if !s.Running {
		return
	}
	if m.listed { // the first list is the state that the subscription begins at: there is no gap
		for _, c := range cs {
			heard, known := m.heard[c.GetName()]
			switch {
			case !known:
				s.Total += c.GetUnread()
			case c.GetLastSeq() > heard:
				s.Total += c.GetLastSeq() - heard
			}
			m.syncTo = max(m.syncTo, c.GetLastMessage().GetId())
		}
	}
	for _, c := range cs {
		m.heard[c.GetName()] = max(m.heard[c.GetName()], c.GetLastSeq())
	}
	if s.Total == 0 {
		m.syncEnd()
	}
}

// syncFrame counts what the subscription brings.
func (m *Model) syncFrame(fr *parleyv1.SubscribeResponse) {
	s, pm := &m.c.Link.Sync, fr.GetEvent().GetMessage()
	if name := pm.GetConversation(); name != "" {
		m.heard[name] = max(m.heard[name], pm.GetSeq())
	}
	if !s.Running || m.syncTo == 0 {
		return
	}
	if pm != nil {
		s.Done = min(s.Done+1, s.Total)
		if pm.GetId() < m.syncTo {
			return
		}
	} else if fr.GetHeartbeat() == nil {
		return
	}
	m.syncEnd()
}

func (m *Model) syncEnd() { m.c.Link.Sync.Running = false }
