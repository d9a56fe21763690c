package node

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"parley/node/peer"
	"parley/proto/internalv1"
)

// refusedFile is where a directory remembers that the cluster does not accept it.
const refusedFile = "refused.txt"

// identities are what this node holds against a hello: the replicated member records, and what was heard of first members
// whose record is not replicated yet.
type identities struct {
	mu    sync.Mutex
	heard map[uint64]*internalv1.Identity
}

// CheckIdentity refuses a data directory that is not the one the cluster knows, and, while the cluster is being formed,
// one that was told of other first members.
func (h handler) CheckIdentity(id *internalv1.Identity) error {
	n := h.n
	st := n.serving.Load()
	if st == nil && len(n.log.Identity().ClusterID) > 0 { // healing: the member records are in the store that is missing
		if len(id.GetClusterId()) == 0 { // an acceptance would tell it that it is a first member: see form
			return &peer.Refusal{Reason: peer.ReasonNotYet, Text: "this node has no member records while it is healed"}
		}
		n.identities.note(id)
		return nil
	}
	if st == nil { // forming
		if mine, theirs := n.self.GetFirstMembers(), id.GetFirstMembers(); mine != theirs && len(id.GetClusterId()) == 0 {
			return fmt.Errorf("node %s was started with --cluster %s, node %s with %s: they must be equal",
				n.self.GetName(), mine, id.GetName(), theirs)
		}
		n.identities.note(id)
		return nil
	}
	if err := checkPeerVersion(st.ClusterVersion(), id); err != nil {
		return err
	}
	m, err := readMembership(st)
	if err != nil {
		return &peer.Refusal{Reason: peer.ReasonNotYet, Text: "the member records cannot be read now"}
	}
	if n.gone(&m, id.GetId()) {
		return m.removedRefusal(id)
	}
	if err := checkMember(m.records, id); err != nil {
		return err
	}
	if len(id.GetClusterId()) > 0 {
		return nil
	}
	err = n.firstMember(&m, id)
	if r, ok := errors.AsType[*peer.Refusal](err); ok && r.Fatal() && joined(m.record(id.GetId())) {
		// The directory is right, so the names are not.
		return fmt.Errorf("node %s was started with --cluster %s, which are not the first members of this cluster",
			id.GetName(), id.GetFirstMembers())
	}
	return err
}

// checkMember holds an identity against the replicated member records. It refuses another incarnation (the disk was wiped)
// and a start that is not above the last one (a directory that was copied back): either could have forgotten a vote or an
// acknowledged entry, so it must not be counted.
func checkMember(records []*internalv1.AnnounceMember, id *internalv1.Identity) error {
	for _, m := range records {
		switch {
		case m.GetId() != id.GetId() || !joined(m):
		case !bytes.Equal(m.GetIncarnation(), id.GetIncarnation()):
			return &peer.Refusal{Reason: peer.ReasonOtherIncarnation, Text: fmt.Sprintf(
				"member %s (id %d) has another data directory; this one was made anew, so its promises are lost",
				m.GetName(), m.GetId())}
		case id.GetBoot() < m.GetBoot(),
			id.GetBoot() == m.GetBoot() && !bytes.Equal(m.GetBootNonce(), id.GetBootNonce()):
			return &peer.Refusal{Reason: peer.ReasonStaleBoot, Text: fmt.Sprintf(
				"member %s (id %d) has started %d times, this directory counts %d: it was copied back or is used twice",
				m.GetName(), m.GetId(), m.GetBoot(), id.GetBoot())}
		}
	}
	return nil
}

func (i *identities) note(id *internalv1.Identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.heard == nil {
		i.heard = map[uint64]*internalv1.Identity{}
	}
	i.heard[id.GetId()] = id
}

// incarnation is the one that was heard of an id; nil when none was.
func (i *identities) incarnation(id uint64) []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.heard[id].GetIncarnation()
}

// refused runs when a peer does not accept this node.
func (n *Node) refused(id uint64, r *peer.Refusal) {
	if !r.Fatal() {
		return // asked again; the transport has told about it, once
	}
	err := refusedError(fmt.Sprint(id), r)
	noteRefused(n.cfg.Dir, err, n.logger)
	n.fatal(err)
}

// noteRefused remembers a refusal in the directory: started again and again, a copied-back directory would count itself
// past the starts that its peers have seen, and be believed.
func noteRefused(dir string, refusal error, logger *slog.Logger) {
	f, err := os.Create(filepath.Join(dir, refusedFile))
	if err == nil {
		_, err = fmt.Fprintln(f, refusal)
		err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir))
	}
	if err != nil {
		logger.Error("the refusal could not be noted", "err", err)
	}
}

func checkNotRefused(dir string) error {
	path := filepath.Join(dir, refusedFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("the cluster refused this directory (%s): %s", path, strings.TrimSpace(string(text)))
}

// refusedError says what an operator does about a data directory that its cluster does not know.
func refusedError(by string, r *peer.Refusal) error {
	if r.Reason == peer.ReasonRemoved {
		return fmt.Errorf("node %s says: %w. To use this machine again, empty the directory, add it on a running member: "+
			"parley cluster add NAME HOST:PORT; then start it with --join PEERHOST:PORT", by, r)
	}
	return fmt.Errorf("node %s refuses this node: %w. If its disk is lost, replace it on a running member: "+
		"parley cluster add NEWNAME HOST:PORT --replace NAME; then start NEWNAME on an empty directory with "+
		"--join PEERHOST:PORT", by, r)
}
