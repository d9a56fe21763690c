package plain

import (
	"context"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

func (s *session) status() {
	s.trouble.told = s.linkWords(s.link)
	s.say("link: %s", s.trouble.told)
	if s.cur != nil {
		s.say("open: %s", s.cur.name)
	}
	s.tellUnread(true)
	s.outbox()
}

func (s *session) cmdCluster(string) {
	s.ask(func(parent context.Context) func() {
		ctx, cancel := context.WithTimeout(parent, common.CallTimeout)
		defer cancel()
		resp, err := s.be.Status(ctx, &parleyv1.StatusRequest{})
		return func() {
			if err != nil {
				s.fail("no node told", err)
				return
			}
			quorum := "quorum"
			if !resp.GetQuorum() {
				quorum = "no quorum"
			}
			s.say("cluster: term %d, %s, told by %s", resp.GetTerm(), quorum, resp.GetNode())
			for _, m := range resp.GetMembers() {
				text := m.GetName() + ", " + m.GetAddress()
				if m.GetName() == resp.GetLeader() {
					text += ", leader"
				}
				if !m.GetReachable() {
					text += ", down"
				}
				s.say("cluster: %s, applied %d", text, m.GetApplied())
			}
		}
	})
}

func (s *session) cmdReconnect(string) {
	s.say("link: all nodes are tried now")
	s.retry(s.o.Now(), true)
	s.call(func(ctx context.Context) func() {
		s.be.Reconnect(ctx)
		return func() {}
	})
}
