package node

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

// ail says that this node's files or state are not what they should be. It may be called from anywhere and does not wait;
// the first call counts.
func (n *Node) ail(err error) {
	select {
	case n.sickness <- err:
	default:
	}
}

// ailIfDamaged is for who reads the own store file.
func (n *Node) ailIfDamaged(err error) {
	if storeDamage(err) {
		n.ail(err)
	}
}

// readFailed runs when a read of the store met damage, or records that contradict each other. The latter may be a mistake of
// this program, which the other members make too: stopping for it would stop them all, one after the other. So the file is
// verified first.
func (n *Node) readFailed(err error) {
	if storeDamage(err) {
		n.ail(err)
		return
	}
	select {
	case n.doubts <- err:
	default: // a scrub is due anyway
	}
}

// watchHealth stops the node when something is wrong with it: it leaves a note, so that the next start heals the store, and
// gives leadership away first. It ends with the node.
func (n *Node) watchHealth() {
	var err error
	select {
	case <-n.ctx.Done():
		return
	case err = <-n.sickness:
	}
	advice := "start the node again: it heals its store from a peer"
	if _, ok := errors.AsType[*raftlog.DamageError](err); ok {
		// What the store holds the log may lose.
		advice = "start the node again: it tells whether its store makes the damaged entries superfluous"
		if ferr := n.store.Flush(); ferr != nil {
			err = errors.Join(err, ferr)
		}
	} else {
		n.noteDamage(err)
	}
	n.logger.Error("this node gives leadership away and stops", "err", err)
	if err := n.HandOver(n.ctx); err != nil {
		n.logger.Warn("stopping without a hand-over", "err", err)
	}
	n.fatal(fmt.Errorf("%w; %s", err, advice))
}

// scrub reads all of this node's files every ScrubInterval, soon after the start those that were not read as a whole when
// they were opened, and when a read raises doubts. It ends with the node.
func (n *Node) scrub() {
	wait := ScrubInterval
	if info, err := os.Stat(filepath.Join(n.cfg.Dir, storeFile)); err != nil || info.Size() > store.CheckBytes {
		wait = mathrand.N(scrubSpread) // the members of a cluster are often started together
	}
	next := time.NewTimer(wait)
	defer next.Stop()
	doubts := n.doubts
	for {
		select {
		case <-n.ctx.Done():
			return
		case err := <-doubts:
			n.logger.Error("stored records contradict each other; the files are read as a whole for damage", "err", err)
			doubts = nil // until the files may be read again
		case <-next.C:
			doubts = n.doubts
		}
		if n.scrubOnce() {
			wait = ScrubInterval
		} else {
			wait = scrubRetry
		}
		next.Reset(wait)
	}
}

// scrubOnce verifies both files. The store is copied first, at the disk's speed: a read of it that lives as long as its
// verification would pin every page that is written meanwhile. It is false when the files could not be read as a whole.
func (n *Node) scrubOnce() bool {
	began := time.Now()
	err := n.log.Scrub()
	if err == nil {
		err = n.scrubStore()
	}
	if n.ctx.Err() != nil {
		return false
	}
	_, logDamaged := errors.AsType[*raftlog.DamageError](err)
	switch {
	case err == nil:
		n.metrics.scrubs.Inc()
		n.metrics.scrubSeconds.Set(time.Since(began).Seconds())
		n.logger.Info("the files were read as a whole; nothing is damaged", "took", time.Since(began).Round(time.Millisecond))
	case logDamaged || storeDamage(err):
		n.metrics.scrubsBad.Inc()
		n.ail(err)
	default:
		n.logger.Warn("the files could not be read as a whole for damage; tried again later", "err", err, "after", scrubRetry)
		return false
	}
	return true
}

func (n *Node) scrubStore() error {
	path := filepath.Join(n.cfg.Dir, storeFile)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := n.room(info.Size() + minFreeDiskBytes); err != nil { // it must not be what makes commands be refused
		return err
	}
	spool := filepath.Join(n.cfg.Dir, "scrub.tmp")
	defer os.Remove(spool)
	if _, _, err := n.store.SpoolContext(n.ctx, spool); err != nil {
		return err
	}
	err = store.VerifyContext(n.ctx, spool)
	if d, ok := errors.AsType[*store.DamageError](err); ok {
		d.Path = path // the copy is as bad as what it is a copy of
	}
	return err
}

// hashMarks is what a node remembers of the comparisons of states; it belongs to the housekeeper.
type hashMarks struct {
	proposed time.Time
	compared uint64
}

// compareStates is P6 checked online: the leader fixes an index from time to time, and every member compares its state there
// with the others'.
func (n *Node) compareStates(h *hashMarks) {
	index, hash := n.store.LastHashMark()
	if index > h.compared {
		h.compared = index
		n.helpers.Go(func() { n.compareAt(index, hash) })
	}
	if st := n.Status(); st.Leader != n.id || time.Since(h.proposed) < HashMarkInterval {
		return
	}
	if h.proposed.IsZero() || n.store.Applied() <= index+1 { // the first interval begins now; or nothing happened
		h.proposed = time.Now()
		return
	}
	h.proposed = time.Now()
	n.proposeInternal(&internalv1.Command{Body: &internalv1.Command_HashMark{HashMark: &internalv1.HashMark{}}})
}

// compareAt asks the voters for their state hash at an index. A node that a majority contradicts stops.
func (n *Node) compareAt(index uint64, mine []byte) {
	ctx, cancel := context.WithTimeout(n.ctx, compareTimeout)
	defer cancel()
	var mu sync.Mutex
	votes, names := map[string]int{}, map[string][]string{}
	voters := 0
	var asked sync.WaitGroup
	for _, m := range n.Status().Members {
		if m.Learner {
			continue
		}
		voters++
		note := func(hash []byte) {
			mu.Lock()
			defer mu.Unlock()
			votes[string(hash)]++
			names[string(hash)] = append(names[string(hash)], m.Name)
		}
		if m.ID == n.id {
			note(mine)
			continue
		}
		asked.Go(func() {
			if hash, _, err := n.transport.PeerHash(ctx, m.ID, index); err == nil {
				note(hash)
			}
		})
	}
	asked.Wait()
	for hash, count := range votes {
		switch {
		case count <= voters/2:
			if hash != string(mine) {
				n.logger.Error("the members' states differ, and no majority says which is right", "index", index,
					"members", names[hash], "hash", fmt.Sprintf("%x", hash), "own", fmt.Sprintf("%x", mine))
			}
		case hash == string(mine):
			n.metrics.hashesCompared.Inc()
		default:
			n.ail(&store.DamageError{Path: filepath.Join(n.cfg.Dir, storeFile), Err: fmt.Errorf(
				"at index %d this node's state hash is %x, a majority (%v) has %x: %w", index, mine, names[hash], hash,
				errDiverged)})
		}
	}
}
