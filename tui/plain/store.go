package plain

import (
	"context"
	"strings"

	"parley/tui/outbox"
)

// openStore opens the outbox on disk and goes on where it stopped, with the same ids. It blocks: there is nothing to draw before.
func (s *session) openStore() {
	if s.o.OpenStore == nil || s.user == "" || !s.con.Interactive() {
		return
	}
	store, err := s.o.OpenStore(s.user)
	if err != nil {
		s.say("error: nothing is kept on disk: %s", err)
		return
	}
	saved, err := store.Load()
	if err != nil {
		_ = store.Close()
		s.say("error: nothing is kept on disk: %s", err)
		return
	}
	s.store = store
	s.kept, s.keptDue = saved, s.o.Now().Add(keptAfter)
	if len(saved.Notes) > 0 {
		s.say("outbox: %s", strings.Join(saved.Notes, "; "))
	}
	s.cluster = saved.Cluster
	s.meet(s.link.ClusterID)
	for _, m := range saved.Outbox {
		v := s.conversation(m.Conversation)
		v.out = append(v.out, &outgoing{Message: outbox.Restored(m, s.cluster)})
		s.order = max(s.order, m.Order)
		if m.Rejected {
			s.rejected++
		}
	}
	if n := len(saved.Outbox); n > 0 {
		s.say("outbox: %s of an earlier time here", several(n, "message is", "messages are"))
	}
}

// meet learns which cluster answers. What was written for another is not sent by itself.
func (s *session) meet(cluster string) {
	if cluster == "" || cluster == s.cluster {
		return
	}
	s.cluster = cluster
	for _, v := range s.conversations {
		for _, o := range v.out {
			o.Judge(cluster)
		}
	}
	if store := s.store; store != nil {
		s.call(func(context.Context) func() {
			err := store.SetCluster(cluster)
			return func() {
				if err != nil {
					s.say("error: the file of this account: %s", err)
				}
			}
		})
	}
}

// close ends the calls, then gives the store back.
func (s *session) close() {
	s.cancel()
	s.calls.Wait()
	if s.store != nil {
		_ = s.store.Close() // each message was durable when it was put
	}
}
