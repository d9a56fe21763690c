package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// A data directory is reborn, as the only member of a new cluster, by a restore and by a recover. Both make the two files
// in a directory beside the old ones, and one rename decides. What an earlier release left in reborn.ready has the log in its
// form: it is moved too, and raftlog.Open turns it into today's.
//
//	reborn.new/    being made; nothing depends on it, a start and the next try remove it
//	reborn.ready/  complete and synced; the files only have to be moved into place, which finishReborn does and can be
//	               begun again at any point. A node does not start while it is there.
const (
	rebornNew   = "reborn.new"
	rebornReady = "reborn.ready"
	// beforeRecover is the suffix under which a recover keeps what it replaced.
	beforeRecover = ".before-recover"
)

// Reborn is what a restore or a recover made: a data directory that is the only voter of a new cluster.
type Reborn struct {
	ID        uint64
	Name      string
	ClusterID []byte
	// Index and Term of the last entry that was kept, and the state hash there.
	Index, Term uint64
	Hash        []byte
	// OldClusterID is the cluster that the state came from.
	OldClusterID []byte
	// Known is the highest index that the directory knew to be committed, of a recover.
	Known uint64
	// Finished says that nothing was made anew: an earlier recover was complete but for its last steps.
	Finished bool
}

// parentage is what a reborn directory is made of.
type parentage struct {
	dir       string
	member    *internalv1.AnnounceMember // without an incarnation
	term      uint64                     // the least that the log goes on with
	endLogins bool
}

// makeReborn turns the store file in reborn.new into the first state of a new cluster and makes the log that goes with it.
// When it returns, reborn.ready is complete.
func makeReborn(p parentage) (*Reborn, error) {
	staging := filepath.Join(p.dir, rebornNew)
	clusterID, incarnation := make([]byte, clusterIDSz), make([]byte, incarnationSz)
	rand.Read(clusterID)
	rand.Read(incarnation)
	conf, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.ConfState{Voters: []uint64{p.member.GetId()}})
	if err != nil {
		return nil, err
	}
	member := proto.CloneOf(p.member)
	member.Incarnation, member.Role, member.MaxClusterVersion = incarnation, roleVoter, MaxClusterVersion
	path := filepath.Join(staging, storeFile)
	info, err := store.Rebirth(path, store.Birth{
		ClusterID: clusterID, ConfState: conf, Member: member, EndSessions: p.endLogins,
	})
	if err != nil {
		return nil, err
	}
	if info.Index == 0 {
		return nil, errors.New("it is the directory of a member that never got its cluster's state; use another member's")
	}
	if err := store.Verify(path); err != nil {
		return nil, fmt.Errorf("the new store: %w", err)
	}
	id := raftlog.Identity{ID: member.GetId(), Name: member.GetName(), ClusterID: clusterID, Incarnation: incarnation}
	if err := createLog(filepath.Join(staging, logFile), id, info.Mark, max(p.term, info.Term)); err != nil {
		return nil, err
	}
	if err := syncDir(staging); err != nil {
		return nil, err
	}
	if err := os.Rename(staging, filepath.Join(p.dir, rebornReady)); err != nil {
		return nil, err
	}
	if err := syncDir(p.dir); err != nil {
		return nil, err
	}
	return &Reborn{ID: id.ID, Name: id.Name, ClusterID: clusterID, Index: info.Index, Term: info.Term, Hash: info.Hash}, nil
}

// createLog makes an empty log that goes on after a mark.
func createLog(path string, id raftlog.Identity, m store.Mark, term uint64) error {
	if err := raftlog.Create(path, id); err != nil {
		return err
	}
	log, err := raftlog.Open(path, raftlog.Options{})
	if err != nil {
		return err
	}
	return errors.Join(log.Reset(m.Index, m.Term, &pb.HardState{Term: &term, Commit: &m.Index}), log.Close())
}

// finishReborn moves the files of reborn.ready into place; what is there is kept under another name. It may be cut short
// anywhere and begun again: a file that is not in reborn.ready any more has been moved.
func finishReborn(dir string) error {
	ready := filepath.Join(dir, rebornReady)
	for _, name := range []string{storeFile, raftlog.OldPath(logFile), logFile} {
		from, to := filepath.Join(ready, name), filepath.Join(dir, name)
		if there, err := exists(from); err != nil || !there {
			if err != nil {
				return err
			}
			continue
		}
		if err := setAside(dir, name); err != nil {
			return err
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
		if err := errors.Join(syncDir(dir), syncDir(ready)); err != nil {
			return err
		}
	}
	// What an earlier life of the directory noted is not about this one.
	for _, name := range []string{refusedFile, healNote} {
		if err := setAside(dir, name); err != nil {
			return err
		}
	}
	if err := os.Remove(ready); err != nil {
		return err
	}
	return syncDir(dir)
}

// setAside keeps a file under its name with beforeRecover, durably; it is no error when there is none.
func setAside(dir, name string) error {
	path := filepath.Join(dir, name)
	if there, err := exists(path); err != nil || !there {
		return err
	}
	kept := path + beforeRecover
	if there, err := exists(kept); err != nil || there {
		if there {
			err = fmt.Errorf("%s is in the way; move it to another place and run this again", kept)
		}
		return err
	}
	if err := os.Rename(path, kept); err != nil {
		return err
	}
	return syncDir(dir)
}

// checkReborn refuses a start while the directory is between two lives.
func checkReborn(dir string) error {
	ready, err := exists(filepath.Join(dir, rebornReady))
	if err != nil {
		return err
	}
	if ready {
		return fmt.Errorf("a recover or a restore of %s was cut short in its last step; finish it with: "+
			"parley recover --force-new-cluster --data %s", dir, dir)
	}
	making, err := exists(filepath.Join(dir, rebornNew))
	if err != nil || !making {
		return err
	}
	if old, err := raftlog.Exists(filepath.Join(dir, logFile)); err != nil || old {
		return err // a recover that was cut short changed nothing; openLog's caller removes what it left
	}
	return fmt.Errorf("a restore to %s was cut short before it made anything; run it again", dir)
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
