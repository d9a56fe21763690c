package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// adminFlags lead to the admin socket instead of a session.
type adminFlags struct {
	socket string
	data   string
}

func newCluster(a *app) *cobra.Command {
	var admin adminFlags
	c := group("cluster", "Look at the cluster and steer it",
		newClusterStatus(a, &admin), newClusterHash(a, &admin), newClusterTransfer(a, &admin),
		newClusterMembers(a, &admin), newClusterAdd(a, &admin), newClusterPromote(a, &admin), newClusterRemove(a, &admin),
		newClusterChange(a, &admin),
		newClusterOperator(a, &admin), newClusterResetPassword(a, &admin), newClusterSuspend(a, &admin),
		newClusterUnsuspend(a, &admin), newClusterRemoveUser(a, &admin), newClusterSettings(a, &admin), newClusterInvite(a, &admin),
		newClusterAudit(a, &admin))
	c.PersistentFlags().StringVar(&admin.socket, "admin-socket", "", "use a node's admin socket instead of a login")
	c.PersistentFlags().StringVar(&admin.data, "data", "", "use the admin socket in the data directory `DIR` of parley serve or parley up")
	return c
}

// dialCluster goes through the admin socket when one was named, else through the session.
func (a *app) dialCluster(admin *adminFlags) (*client.Client, func(), error) {
	if admin.socket == "" && admin.data == "" {
		c, err := a.dial()
		if err != nil {
			return nil, nil, err
		}
		return c, func() { _ = c.Close() }, nil
	}
	sockets, err := findSockets(admin)
	if err != nil {
		return nil, nil, err
	}
	o := client.Options{OnlyServers: true, Timeout: a.flags.timeout, UserAgent: "parley/" + version()}
	var releases []func()
	release := func() {
		for _, r := range releases {
			r()
		}
	}
	for _, s := range sockets {
		short, r, err := shortSocketPath(s)
		if err != nil {
			release()
			return nil, nil, err
		}
		releases = append(releases, r)
		o.Servers = append(o.Servers, "unix:"+short)
	}
	c, err := client.Dial(o)
	if err != nil {
		release()
		return nil, nil, err
	}
	return c, func() { _ = c.Close(); release() }, nil
}

// clusterStatusJSON is part of the contract with scripts.
type clusterStatusJSON struct {
	Leader    *string      `json:"leader"`
	Term      uint64       `json:"term"`
	Quorum    bool         `json:"quorum"`
	Members   []memberJSON `json:"members"`
	Node      string       `json:"node"`
	ClusterID string       `json:"cluster_id"`
	Committed uint64       `json:"committed"`
	Applied   uint64       `json:"applied"`
	Flushed   uint64       `json:"flushed"`
	Compacted uint64       `json:"compacted"`
	AgeMS     *uint64      `json:"age_ms,omitempty"`
	// ClusterVersion rises by itself when the last node was upgraded; 0 from a node that does not tell.
	ClusterVersion uint32 `json:"cluster_version"`
}

type memberJSON struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Role        string `json:"role"`
	Reachable   bool   `json:"reachable"`
	Applied     uint64 `json:"applied"`
	ID          uint64 `json:"id"`
	PeerAddress string `json:"peer_address"`
	Version     string `json:"version"`
	Pending     string `json:"pending,omitempty"`
}

func toStatusJSON(st *parleyv1.StatusResponse, localRead bool) clusterStatusJSON {
	j := clusterStatusJSON{
		Term: st.GetTerm(), Quorum: st.GetQuorum(), Members: []memberJSON{}, Node: st.GetNode(), ClusterID: st.GetClusterId(),
		Committed: st.GetCommitted(), Applied: st.GetApplied(), Flushed: st.GetFlushed(), Compacted: st.GetCompacted(),
		ClusterVersion: st.GetClusterVersion(),
	}
	if leader := st.GetLeader(); leader != "" {
		j.Leader = &leader
	}
	if localRead {
		age := st.GetAgeMs()
		j.AgeMS = &age
	}
	for _, m := range st.GetMembers() {
		j.Members = append(j.Members, toMemberJSON(m))
	}
	return j
}

func toMemberJSON(m *parleyv1.Member) memberJSON {
	return memberJSON{
		Name: m.GetName(), Address: m.GetAddress(), Role: roleName(m.GetRole()), Reachable: m.GetReachable(),
		Applied: m.GetApplied(), ID: m.GetId(), PeerAddress: m.GetPeerAddress(), Version: m.GetVersion(), Pending: m.GetPending(),
	}
}

func roleName(r parleyv1.MemberRole) string {
	return strings.ToLower(strings.TrimPrefix(r.String(), "MEMBER_ROLE_"))
}

func newClusterStatus(a *app, admin *adminFlags) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use: "status", Short: "Show leader, term, quorum and members, as one node sees them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			st, err := c.Status(cmd.Context(), &parleyv1.StatusRequest{})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(toStatusJSON(st, localRead))
			}
			return a.printf("%s", statusTable(toStatusJSON(st, localRead)))
		},
	}
	addLocalFlag(c, &localRead)
	return c
}

func statusTable(st clusterStatusJSON) string {
	leader := "unknown"
	if st.Leader != nil {
		leader = *st.Leader
	}
	quorum := "yes"
	if !st.Quorum {
		quorum = "NO: nothing can be written"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "leader %s, term %d, quorum %s, cluster version %d (as %s sees it)\n", leader, st.Term, quorum,
		st.ClusterVersion, st.Node)
	if st.AgeMS != nil {
		fmt.Fprintf(&b, "this is %d ms old\n", *st.AgeMS)
	}
	fmt.Fprintf(&b, "%-8s %-22s %-8s %-10s %10s  %s\n", "NAME", "ADDRESS", "ROLE", "REACHABLE", "APPLIED", "VERSION")
	for _, m := range st.Members {
		reachable, applied := "yes", fmt.Sprint(m.Applied)
		if !m.Reachable {
			reachable, applied = "NO", "-"
		}
		fmt.Fprintf(&b, "%-8s %-22s %-8s %-10s %10s  %s\n", sanitizeLine(m.Name), sanitizeLine(m.Address), m.Role, reachable,
			applied, sanitizeLine(m.Version))
	}
	return b.String()
}

func newClusterHash(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Compare the members' state at one index; fails when they differ or are no quorum",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			resp, err := c.StateHash(cmd.Context(), &parleyv1.StateHashRequest{})
			if err != nil {
				return err
			}
			return a.printHashes(resp)
		},
	}
}

// printHashes prints each member's hash and judges them: equal, at one index, and from a quorum.
func (a *app) printHashes(resp *parleyv1.StateHashResponse) error {
	var first *parleyv1.MemberHash
	differ, printed := false, 0
	for _, m := range resp.GetMembers() {
		if m.GetHash() == "" {
			a.warn(fmt.Sprintf("no hash from %s: %s", m.GetName(), m.GetError()))
			continue
		}
		var err error
		if a.json() {
			err = a.printJSON(struct {
				Name    string `json:"name"`
				Applied uint64 `json:"applied"`
				Hash    string `json:"hash"`
			}{m.GetName(), m.GetApplied(), m.GetHash()})
		} else {
			err = a.printf("%-8s %10d  %s\n", sanitizeLine(m.GetName()), m.GetApplied(), sanitizeLine(m.GetHash()))
		}
		if err != nil {
			return err
		}
		printed++
		if first == nil {
			first = m
		}
		differ = differ || m.GetHash() != first.GetHash() || m.GetApplied() != first.GetApplied()
	}
	switch voters := int(resp.GetVoters()); {
	case differ:
		return &failure{code: exitFailed, message: "the members' states differ",
			hint: "keep all data directories, stop the one that differs from the others and see its log"}
	case printed <= voters/2:
		return &failure{code: exitFailed, message: fmt.Sprintf("%d of %d voters answered, which is no quorum", printed, voters),
			hint: "start more nodes, then try again"}
	}
	return nil
}

func newClusterTransfer(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "transfer [NAME]",
		Short: "Move leadership to a member; to the most caught-up one without NAME (operators)",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			to := ""
			if len(args) == 1 {
				to = args[0]
			}
			resp, err := c.TransferLeadership(cmd.Context(), &parleyv1.TransferLeadershipRequest{To: to})
			if err != nil {
				return err
			}
			return a.printDone("leader "+sanitizeLine(resp.GetLeader()), map[string]any{"leader": resp.GetLeader()})
		},
	}
}
