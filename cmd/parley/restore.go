package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"parley/node"
)

// rebornJSON is part of the contract with scripts: what restore and recover made.
type rebornJSON struct {
	Data         string `json:"data"`
	Name         string `json:"name"`
	ClusterID    string `json:"cluster_id"`
	OldClusterID string `json:"old_cluster_id,omitempty"`
	Index        uint64 `json:"index"`
	Term         uint64 `json:"term"`
	Hash         string `json:"hash"`
	// Of a recover: how many of the kept entries this node did not know to be committed.
	Uncommitted *uint64 `json:"uncommitted,omitempty"`
	Finished    bool    `json:"finished,omitempty"`
}

func rebornOf(dir string, r *node.Reborn) rebornJSON {
	return rebornJSON{
		Data: dir, Name: r.Name, ClusterID: hex.EncodeToString(r.ClusterID), OldClusterID: hex.EncodeToString(r.OldClusterID),
		Index: r.Index, Term: r.Term, Hash: hex.EncodeToString(r.Hash), Finished: r.Finished,
	}
}

func newRestore(a *app) *cobra.Command {
	var dir, name, peerAddress string
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory from a backup: the first node of a new cluster",
		Long: `Make a data directory from a backup: the first node of a new cluster. The backup is verified in full. Accounts, messages, read
marks and the answers to requests stay; every session has ended, so everybody logs in again.

  parley restore monday.backup --data /var/lib/parley --name n1 --peer-address 10.0.0.1:51051
  parley serve --name n1 --data /var/lib/parley --listen 10.0.0.1:50051 --peer-listen 10.0.0.1:51051 --tls-dir /etc/parley/tls

Then more members join it: parley cluster add on this one, parley serve --join on theirs.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, f := range []struct{ flag, value string }{
				{"--data", dir}, {"--name", name}, {"--peer-address", peerAddress},
			} {
				if f.value == "" {
					return usageError("parley restore needs %s: see parley restore --help", f.flag)
				}
			}
			if _, _, err := net.SplitHostPort(peerAddress); err != nil {
				return usageError("--peer-address %q: want HOST:PORT", peerAddress)
			}
			_, sealed, err := verifyBackup(args[0])
			if err != nil {
				return err
			}
			if !sealed {
				a.warn(args[0] + " has no seal: it is a node's store file, or a backup that was cut short. What it holds is complete")
			}
			r, err := node.Restore(node.RestoreOptions{File: args[0], Dir: dir, Name: name, PeerAddress: peerAddress})
			if err != nil {
				return &failure{code: exitFailed, message: "nothing was restored: " + err.Error()}
			}
			return a.printDone(fmt.Sprintf("restored index %d to %s as %s of the new cluster %x, state hash %x; start it with parley serve",
				r.Index, sanitizeLine(dir), sanitizeLine(r.Name), r.ClusterID, r.Hash), rebornOf(dir, r))
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "data", "", "data directory to make")
	f.StringVar(&name, "name", "", "the node's name, such as n1")
	f.StringVar(&peerAddress, "peer-address", "", "`HOST:PORT` under which other nodes will reach it")
	// What serve calls it, where the two are the same.
	f.StringVar(&peerAddress, "peer-listen", "", "the same as --peer-address")
	_ = f.MarkHidden("peer-listen") // the flag exists
	return c
}

func newRecover(a *app) *cobra.Command {
	var dir string
	var force, yes, diverged bool
	c := &cobra.Command{
		Use:   "recover --force-new-cluster --data DIR",
		Short: "Make a new cluster from one node's data directory when the quorum is lost for good",
		Long: `Make a new cluster from one node's data directory, when so many nodes are lost for good that the others will never be a majority
again. The node must be stopped. If several directories are left, take the one whose node was the furthest: parley cluster
status --local shows "applied".

Everything that this directory holds is kept, sessions too. What was acknowledged is on a majority; if this node was not part of
it for the last writes, those are lost with the others. The old files are kept beside the new ones, under .before-recover.

Never start the other old directories again: together they could still be a majority, and would go on as the old cluster.
To this one they no longer belong; it refuses them. Members join it with parley cluster add and parley serve --join.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !force:
				return usageError("parley recover gives up the old cluster: say so with --force-new-cluster, see parley recover --help")
			case dir == "":
				return usageError("parley recover needs --data: the data directory of one stopped node")
			}
			if !yes {
				ok, err := a.confirmed(cmd.Context(), "Give up the old cluster and make a new one from "+sanitizeLine(dir)+"?")
				if err != nil {
					return err
				}
				if !ok {
					return usageError("nothing was changed: say yes, or give --yes")
				}
			}
			r, err := node.Recover(dir, node.RecoverOptions{AcceptDiverged: diverged})
			if err != nil {
				hint := ""
				if errors.Is(err, node.ErrInUse) {
					hint = "its directory is in use"
				}
				if errors.Is(err, node.ErrDiverged) {
					hint = "if no other directory is left: --accept-diverged"
				}
				return &failure{code: exitFailed, message: "nothing was recovered: " + err.Error(), hint: hint}
			}
			return a.printRecovered(dir, r)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "data", "", "data directory of one stopped node")
	f.BoolVar(&force, "force-new-cluster", false, "give up the old cluster")
	f.BoolVar(&diverged, "accept-diverged", false, "take the directory although its node found that its state was not its cluster's")
	f.BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

func (a *app) printRecovered(dir string, r *node.Reborn) error {
	j := rebornOf(dir, r)
	words := fmt.Sprintf("finished an earlier recover: index %d", r.Index)
	if !r.Finished {
		uncommitted := r.Index - min(r.Index, r.Known)
		j.Uncommitted = &uncommitted
		words = fmt.Sprintf("kept everything up to index %d (%d of it not known to be committed)", r.Index, uncommitted)
	}
	if err := a.printDone(fmt.Sprintf("%s in %s: %s is now the only member of the new cluster %x, state hash %x", words,
		sanitizeLine(dir), sanitizeLine(r.Name), r.ClusterID, r.Hash), j); err != nil {
		return err
	}
	a.warn("never start the other old data directories again; this cluster refuses them. The old files are kept as *.before-recover")
	return nil
}
