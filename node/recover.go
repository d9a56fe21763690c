package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// ErrInUse is returned by Recover when a process has the directory open.
var ErrInUse = errors.New("a node runs in this directory; stop it first")

// ErrDiverged is returned by Recover for a directory whose state a majority contradicted.
var ErrDiverged = errors.New("this node's state is not that of its cluster; recover from another node's directory")

// RecoverOptions say what a recover may do.
type RecoverOptions struct {
	// AcceptDiverged takes the state of a directory although a majority had another one.
	AcceptDiverged bool
}

// Recover makes the only voter of a new cluster out of one data directory of a cluster whose quorum is lost for good. No
// process may have it open.
//
// Everything that its log holds is applied, also what it does not know to be committed: a member learns of a commit later
// than the client of its acknowledgement, so an acknowledged write may be among those entries. One that was never
// acknowledged is unknown to its client, and unknown allows either. What only the lost members had is lost.
//
// Until the new files are complete and synced the old ones are untouched; they are kept beside them. Recover can be run
// again after it was cut short, and finishes what it began.
func Recover(dir string, o RecoverOptions) (*Reborn, error) {
	ready, err := exists(filepath.Join(dir, rebornReady))
	if err != nil {
		return nil, err
	}
	if ready {
		return finishRecover(dir)
	}
	for _, need := range []struct {
		name  string
		there func(path string) (bool, error)
	}{{logFile, raftlog.Exists}, {storeFile, exists}} {
		if there, err := need.there(filepath.Join(dir, need.name)); err != nil || !there {
			return nil, errors.Join(err, fmt.Errorf("%s is no data directory of a node: it has no %s", dir, need.name))
		}
	}
	for _, name := range []string{logFile, raftlog.OldPath(logFile), storeFile} {
		kept := filepath.Join(dir, name+beforeRecover)
		if there, err := exists(kept); err != nil || there {
			return nil, errors.Join(err, fmt.Errorf("%s is there: this directory was recovered before. Start it with parley "+
				"serve; to recover it once more, move the file to another place first", kept))
		}
	}
	mark, _, err := store.Inspect(filepath.Join(dir, storeFile))
	if err != nil {
		mark = store.Mark{} // it is told in full when it is copied
	}
	// The lock of this file is what keeps nodes out until the end.
	log, err := raftlog.Open(filepath.Join(dir, logFile), raftlog.Options{FlushedIndex: mark.Index, FlushedTerm: mark.Term})
	if errors.Is(err, raftlog.ErrLocked) {
		return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	if !o.AcceptDiverged {
		if err := checkDiverged(dir); err != nil {
			return nil, errors.Join(err, log.Close())
		}
	}
	r, err := recoverFrom(dir, log)
	return r, errors.Join(err, log.Close())
}

// checkDiverged refuses a directory whose node noted that its state is the wrong one. Its files are whole.
func checkDiverged(dir string) error {
	path := filepath.Join(dir, healNote)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	kind, why, _ := strings.Cut(string(text), "\n")
	if kind != noteDiverged {
		return nil
	}
	return fmt.Errorf("%w. %s says: %s", ErrDiverged, path, strings.TrimSpace(why))
}

func recoverFrom(dir string, log *raftlog.Log) (*Reborn, error) {
	staging := filepath.Join(dir, rebornNew)
	if err := os.RemoveAll(staging); err != nil {
		return nil, err
	}
	if err := os.Mkdir(staging, 0o700); err != nil {
		return nil, err
	}
	p, known, old, err := prepareRecover(dir, filepath.Join(staging, storeFile), log)
	var r *Reborn
	if err == nil {
		r, err = makeReborn(p)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(staging))
	}
	r.Known, r.OldClusterID = known, old
	return r, finishReborn(dir)
}

// prepareRecover copies the store and applies the log to the copy. known is the highest index that was known to be
// committed.
func prepareRecover(dir, staged string, log *raftlog.Log) (p parentage, known uint64, old []byte, err error) {
	if err := store.Copy(filepath.Join(dir, storeFile), staged); err != nil {
		return p, 0, nil, err
	}
	st, err := store.Open(staged, store.Options{})
	if err != nil {
		return p, 0, nil, err
	}
	id := log.Identity()
	hs := log.HardState()
	known = max(hs.GetCommit(), st.Flushed().Index)
	err = applyLog(log, st)
	p = parentage{dir: dir, term: hs.GetTerm(), member: &internalv1.AnnounceMember{Id: id.ID, Name: id.Name}}
	ms, merr := st.Members()
	err = errors.Join(err, merr)
	for _, m := range ms {
		if m.GetId() == id.ID {
			p.member.Address, p.member.PeerAddress = m.GetAddress(), m.GetPeerAddress()
		}
	}
	return p, known, id.ClusterID, errors.Join(err, st.Close())
}

// applyLog applies all that a log holds above a store. A log that ends before the store, or disagrees with it about a term,
// is of the time before a snapshot and has nothing to add; see reconcile.
func applyLog(log *raftlog.Log, st *store.Store) error {
	m := st.Flushed()
	if compacted, _ := log.Compacted(); compacted > m.Index {
		return fmt.Errorf("the log starts after index %d but the store ends at %d: entries are missing; recover from another "+
			"member's directory", compacted, m.Index)
	}
	last, err := log.LastIndex()
	if err != nil || last <= m.Index {
		return err
	}
	if term, err := log.Term(m.Index); err != nil || term != m.Term {
		return err
	}
	// The configuration is replaced by the caller; an entry that changes it only moves the mark.
	keep := func(_ uint64, before *pb.ConfState, _ pb.ConfChangeI) (*pb.ConfState, error) { return before, nil }
	a := &applier{sm: st, confChange: keep}
	for next := m.Index + 1; next <= last; {
		es, err := log.Entries(next, last+1, maxApplyingBytes)
		if err != nil {
			return err
		}
		if err := a.apply([]applyWork{{m: &pb.Message{Entries: es}}}); err != nil {
			return err
		}
		next += uint64(len(es))
	}
	return nil
}

// finishRecover moves complete files into place that an earlier recover, or restore, made.
func finishRecover(dir string) (*Reborn, error) {
	if err := finishReborn(dir); err != nil {
		return nil, err
	}
	info, err := store.Describe(filepath.Join(dir, storeFile))
	if err != nil {
		return nil, err
	}
	log, err := raftlog.Open(filepath.Join(dir, logFile), raftlog.Options{})
	if err != nil {
		return nil, err
	}
	id := log.Identity()
	return &Reborn{ID: id.ID, Name: id.Name, ClusterID: id.ClusterID, Index: info.Index, Term: info.Term, Hash: info.Hash,
		Finished: true}, log.Close()
}
