package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/internal/syncfile"
	"parley/node/peer"
	"parley/raftlog"
	"parley/store"
)

const (
	// damagedFile is where the store file goes that was healed over: one is kept, for whoever wants to know why.
	damagedFile = storeFile + ".damaged"
	// healFile is a peer's store file on its way in; removed at a start.
	healFile = "heal.tmp"
	// healNote is how a node that found its store damaged while it ran has its next start heal it.
	healNote = "heal.txt"
	// The note's first line says what its next start does: one verifies the file, the other trusts it under no condition.
	noteDamaged  = "damaged"
	noteDiverged = "diverged"
)

// errDiverged is in the DamageError of a node whose state a majority contradicts. Its file is whole.
var errDiverged = errors.New("the states diverged")

// storeDamage says whether this is damage to the store file that a peer's copy makes good; the raft log's is not.
func storeDamage(err error) bool {
	if _, ok := errors.AsType[*raftlog.DamageError](err); ok {
		return false
	}
	_, ok := errors.AsType[*store.DamageError](err)
	return ok
}

// openOrHeal opens the store of a formed node. When its file is damaged or missing beside a good log, the peers are asked
// for theirs before raft starts: the log continues from any state at or above the index that it was cut to. The node serves
// nothing meanwhile, and never makes a store anew.
func (n *Node) openOrHeal(ctx context.Context) error {
	err := n.checkNote()
	if err == nil {
		err = n.openStore()
	}
	if _, ok := errors.AsType[*store.ContradictionError](err); ok {
		// A file that is too large to be read at every start may lack what the others point to.
		if verr := store.Verify(filepath.Join(n.cfg.Dir, storeFile)); storeDamage(verr) {
			err = verr
		}
	}
	if err == nil || !storeDamage(err) && !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			n.startTransport()
		}
		return err
	}
	n.startTransport()
	if err := n.heal(ctx, err); err != nil {
		n.stopTransport()
		return err
	}
	n.followMembers()
	return nil
}

// checkNote returns a DamageError when an earlier run left a note and the store file is not good. A file that passes its
// verification is opened again: were all members to stop for a mistake of the program, each would wait for the others. Only a
// state that a majority contradicted is not looked at again, for its file is as good as any.
func (n *Node) checkNote() error {
	path := filepath.Join(n.cfg.Dir, healNote)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	file := filepath.Join(n.cfg.Dir, storeFile)
	noted := fmt.Errorf("noted by an earlier run: %s", strings.Join(strings.Fields(string(text)), " "))
	if kind, _, _ := strings.Cut(string(text), "\n"); kind == noteDiverged {
		return &store.DamageError{Path: file, Err: noted}
	}
	if err := store.Verify(file); err != nil {
		if storeDamage(err) {
			return errors.Join(err, noted)
		}
		return err
	}
	n.logger.Warn("the store was noted as damaged and is whole; it is used", "file", file, "note", noted)
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(n.cfg.Dir)
}

// heal replaces the store file by that of a peer and opens it. It asks until one gives a good file or ctx ends.
func (n *Node) heal(ctx context.Context, damage error) error {
	path := filepath.Join(n.cfg.Dir, storeFile)
	n.logger.Error("the store is damaged and is healed from a peer; this node does not serve until then",
		"file", path, "err", damage)
	defer os.Remove(filepath.Join(n.cfg.Dir, healFile))
	last, pause := "", time.Duration(0)
	for {
		var failures []string
		for _, addr := range n.healers() {
			from, mark, err := n.fetchStore(ctx, addr)
			if err == nil {
				if err = n.replaceStore(); err != nil {
					return err
				}
				n.metrics.storeHealed.Inc()
				n.logger.Warn("the store was healed", "file", path, "damage", damage, "from", from, "address", addr,
					"index", mark.Index, "kept", damagedFile)
				return n.openStore()
			}
			failures = append(failures, fmt.Sprintf("%s: %v", addr, err))
		}
		if err := n.Err(); err != nil {
			return err // a peer refused this node
		}
		text := "no peer is known: give --cluster, or wait until one calls"
		if len(failures) > 0 {
			text = strings.Join(failures, "; ")
		}
		if text != last {
			last = text
			n.logger.Warn("no peer gave its store; asking again", "file", path, "peers", text)
		}
		pause = nextPause(pause)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; no peer gave its store: %s", damage, text)
		case <-time.After(pause):
		}
	}
}

// healers are the addresses of those who may have a store: first members, and who called since this start.
func (n *Node) healers() []string {
	var addrs []string
	for name, addr := range n.cfg.FirstMembers {
		if name != n.cfg.Name {
			addrs = append(addrs, addr)
		}
	}
	addrs = append(addrs, n.cfg.Join...)
	n.identities.mu.Lock()
	for _, id := range n.identities.heard {
		if addr := id.GetPeerAddress(); addr != "" && string(id.GetClusterId()) == string(n.self.GetClusterId()) {
			addrs = append(addrs, addr)
		}
	}
	n.identities.mu.Unlock()
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

// fetchStore gets a peer's store file and checks all of it: it is this node's state from now on.
func (n *Node) fetchStore(ctx context.Context, addr string) (from string, mark store.Mark, err error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotSendTimeout)
	defer cancel()
	path := filepath.Join(n.cfg.Dir, healFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", mark, err
	}
	compacted, _ := n.log.Compacted()
	id, err := n.transport.FetchStore(ctx, addr, compacted, fetched{n, syncfile.NewWriter(f)})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", mark, err
	}
	if err := store.VerifyContext(ctx, path); err != nil {
		return "", mark, fmt.Errorf("what %s gave: %w", id.GetName(), err)
	}
	mark, cluster, err := store.Inspect(path)
	switch {
	case err != nil:
	case string(cluster) != string(n.self.GetClusterId()):
		err = fmt.Errorf("%s gave a store of cluster %x", id.GetName(), cluster)
	case mark.Index < compacted:
		err = fmt.Errorf("%s gave a store at index %d, this log begins after %d", id.GetName(), mark.Index, compacted)
	}
	return id.GetName(), mark, err
}

// fetched is the file that a peer's store is written to, if there is room for it.
type fetched struct {
	n *Node
	*syncfile.Writer
}

// Expect is called with the size before the first Write.
func (f fetched) Expect(size uint64) error { return f.n.room(int64(size)) }

// refusedBy runs when a peer does not accept this node. A node that heals knows its peers from --cluster only: what answers
// there as another cluster is not a peer any more, and says nothing about this directory.
func (n *Node) refusedBy(id uint64, r *peer.Refusal) {
	if r.Reason == peer.ReasonOtherCluster && n.serving.Load() == nil && len(n.self.GetClusterId()) > 0 {
		n.logger.Warn("who answers at a peer's address is of another cluster", "peer", id, "text", r.Text)
		return
	}
	n.refused(id, r)
}

// replaceStore puts the fetched file in the damaged one's place. A crash in the middle leaves no store, and the next start
// heals again.
func (n *Node) replaceStore() error {
	path := filepath.Join(n.cfg.Dir, storeFile)
	if err := os.Rename(path, filepath.Join(n.cfg.Dir, damagedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keep the damaged store: %w", err)
	}
	if err := os.Rename(filepath.Join(n.cfg.Dir, healFile), path); err != nil {
		return fmt.Errorf("install the healed store: %w", err)
	}
	if err := syncDir(n.cfg.Dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(n.cfg.Dir, healNote)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncDir(n.cfg.Dir)
}

// noteDamage has the next start heal the store, if its file is indeed damaged or the states diverged.
func (n *Node) noteDamage(damage error) {
	path := filepath.Join(n.cfg.Dir, healNote)
	kind := noteDamaged
	if errors.Is(damage, errDiverged) {
		kind = noteDiverged
	}
	f, err := os.Create(path)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s\n%v\n", kind, damage)
		err = errors.Join(err, f.Sync(), f.Close(), syncDir(n.cfg.Dir))
	}
	if err != nil {
		n.logger.Error("the damage could not be noted; remove store.db to have the next start heal it", "err", err)
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// outgoing is a copy of the store on its way to a member that lost its own.
type outgoing struct {
	*os.File
	size uint64
	done func()
}

func (o *outgoing) Size() uint64 { return o.size }

func (o *outgoing) Close() error {
	defer o.done()
	return o.File.Close()
}

// OpenOutgoing copies the store for a member that asks for it, under the limits of snapshots that raft sends.
func (h handler) OpenOutgoing(to, minIndex uint64) (peer.Outgoing, error) {
	n := h.n
	st := n.serving.Load()
	if st == nil {
		return nil, errors.New("this node has no store to give")
	}
	spool, err := n.sends.begin(n.cfg.Dir, to)
	if err != nil {
		return nil, err
	}
	done := func() {
		os.Remove(spool)
		n.sends.end(to)
	}
	o, err := n.openOutgoing(st, spool, minIndex)
	if err != nil {
		done()
		return nil, err
	}
	o.done = done
	n.logger.Warn("a member lost its store and gets this one", "to", to, "bytes", o.size)
	n.metrics.snapshotsSent.Inc()
	return o, nil
}

func (n *Node) openOutgoing(st *store.Store, spool string, minIndex uint64) (*outgoing, error) {
	if st.Applied() < minIndex {
		return nil, fmt.Errorf("this node has applied %d, below %d", st.Applied(), minIndex)
	}
	if st.Flushed().Index < minIndex {
		if err := st.Flush(); err != nil {
			return nil, err
		}
	}
	f, _, size, err := n.copyStore(n.ctx, st, spool)
	if err != nil {
		return nil, err
	}
	return &outgoing{File: f, size: uint64(size)}, nil
}

var _ io.ReadCloser = (*outgoing)(nil)
