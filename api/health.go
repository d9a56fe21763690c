package api

import (
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"parley/node"
)

// watchHealth moves the health of the chat service with the node: SERVING while it knows a quorum and has caught up.
// "" says that the process is up, which the health server starts with. The goroutine is owned by the Server, touches
// only the health server, and ends with Drain.
func (s *Server) watchHealth() {
	for {
		changed := s.replica.Changed() // taken before Status, so that no change falls in between
		s.setHealth(s.replica.Status())
		select {
		case <-changed:
		case <-s.drained.Done():
			return
		}
	}
}

func (s *Server) setHealth(st node.Status) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready(st) {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus(chatService, status)
}

func ready(st node.Status) bool { return st.Quorum && st.CaughtUp }
