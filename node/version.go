package node

import (
	"context"
	"errors"
	"fmt"

	"parley/node/peer"
	"parley/proto/internalv1"
)

// checkVersion refuses a command that needs a cluster version which this node has not applied, before anything is handed
// on: a leader of an older program would not know to refuse it. A node that lags catches up first, so that the refusal is
// the cluster's and not the lag's.
func (n *Node) checkVersion(ctx context.Context, needs uint32) *Error {
	if needs <= n.store.ClusterVersion() {
		return nil
	}
	if needs <= MaxClusterVersion {
		if err := n.ReadBarrier(ctx); err != nil {
			e, _ := errors.AsType[*Error](err) // always one
			return e
		}
		if needs <= n.store.ClusterVersion() {
			return nil
		}
	}
	return &Error{Outcome: NotApplied, Cause: CauseVersionTooLow}
}

// raiseVersion proposes the highest cluster version that every member's record announces. It waits until there is a record
// of each: what is not known is not counted on. Learners count as well, for they apply the same commands.
func (n *Node) raiseVersion(st Status) {
	ids := make([]uint64, len(st.Members))
	for i, m := range st.Members {
		ids[i] = m.ID
	}
	records, err := n.store.Members()
	if err != nil {
		return
	}
	least := leastVersion(records, ids)
	now := n.store.ClusterVersion()
	if least <= now {
		return
	}
	if n.proposeInternal(&internalv1.Command{Body: &internalv1.Command_RaiseClusterVersion{
		RaiseClusterVersion: &internalv1.RaiseClusterVersion{Version: least}}}) {
		n.logger.Info("the cluster version rose: every member knows it", "version", least, "was", now)
	}
}

// leastVersion is the cluster version that all of these members know, and all who have joined and are not configured yet; 0
// when one of the members has not said.
func leastVersion(records []*internalv1.AnnounceMember, members []uint64) uint32 {
	announced := map[uint64]uint32{}
	least := uint32(MaxClusterVersion)
	for _, r := range records {
		announced[r.GetId()] = r.GetMaxClusterVersion()
		if r.GetRole() != roleRemoved && joined(r) {
			least = min(least, r.GetMaxClusterVersion())
		}
	}
	for _, id := range members {
		least = min(least, announced[id])
	}
	return least
}

// checkPeerVersion refuses a member whose program is older than the cluster version: it would stop at the first command
// that it does not know. The refusal is not fatal to its directory: a program that is new enough goes on with it.
func checkPeerVersion(version uint32, id *internalv1.Identity) error {
	if id.GetMaxClusterVersion() >= version {
		return nil
	}
	return &peer.Refusal{Reason: peer.ReasonTooOld, Text: fmt.Sprintf(
		"the cluster is at version %d, the program of node %s (%s) knows up to %d: start it with the program that the other "+
			"nodes run; its data stays as it is", version, id.GetName(), id.GetSoftwareVersion(), id.GetMaxClusterVersion())}
}
