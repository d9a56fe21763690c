package node

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/tracker"

	"parley/raftlog"
	"parley/store"
)

// flushed runs after each flush of the store: the log behind it may go, but for what lagging members may still want.
func (n *Node) flushed(m store.Mark) {
	n.inbox.call(func(c *core) {
		if to := compactTo(n.log, m.Index, n.cfg.RetainEntries, c.needed()); to != 0 {
			n.log.Compact(to)
		}
	})
}

// compactTo says up to where the log may be cut when the store has flushed that index; 0 for nothing. It leaves about retain
// entries or retainBytes, whichever is less, and what a live follower needs (those above needed) within holdBytes: a store
// file that is on its way to it would be useless without the entries that follow.
func compactTo(log *raftlog.Log, flushed, retain, needed uint64) uint64 {
	last, _ := log.LastIndex()
	if flushed > last {
		return 0 // a store file was installed, and the append worker is about to reset the log to it
	}
	to := last - min(last, retain)
	to = max(to, cutTo(log, retainBytes))
	to = min(to, max(needed, cutTo(log, holdBytes)))
	return min(to, flushed)
}

// cutTo is the index to cut at so that about limit bytes remain; 0 when there are not more.
func cutTo(log *raftlog.Log, limit int64) uint64 {
	excess := log.Bytes() - limit
	if excess <= 0 {
		return 0
	}
	first, _ := log.FirstIndex()
	last, _ := log.LastIndex()
	es, err := log.Entries(first, last+1, uint64(excess))
	if err != nil || len(es) == 0 {
		return 0 // the append worker has just replaced the log
	}
	return es[len(es)-1].GetIndex()
}

// exceeds says whether the log above an index has more than limit bytes. It copies nothing.
func exceeds(log *raftlog.Log, index, limit uint64) bool {
	last, _ := log.LastIndex()
	if last <= index || log.Bytes() <= int64(limit) {
		return false
	}
	es, err := log.Entries(index+1, last+1, limit)
	return err == nil && uint64(len(es)) < last-index
}

// behind says whether too much of the log is not in the store's file yet.
func (n *Node) behind() bool { return exceeds(n.log, n.store.Flushed().Index, maxUnflushedLogBytes) }

// applyStuck says whether Apply waits for the disk with as much before it as raft hands out: then more commands would only
// wait as well.
func (n *Node) applyStuck() bool {
	return n.store.Full() && exceeds(n.log, n.core.applied, maxApplyingBytes)
}

// needed is the index above which a leader's live followers want the log: their match, or what they will have when the
// store file on its way is installed.
func (c *core) needed() uint64 {
	index := ^uint64(0)
	if c.isLeader() {
		c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
			switch {
			case id == c.id || !pr.RecentActive:
			case pr.State == tracker.StateReplicate:
				index = min(index, pr.Match)
			default:
				index = min(index, pr.Next-1)
			}
		})
	}
	return index
}
