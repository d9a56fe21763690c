package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

func newClusterMembers(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "members", Short: "List the members, what is pending for each and where its peers reach it", Args: cobra.NoArgs,
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
			return a.printMembers(st.GetMembers())
		},
	}
}

func newClusterAdd(a *app, admin *adminFlags) *cobra.Command {
	var learner bool
	var replace string
	c := &cobra.Command{
		Use:   "add NAME HOST:PORT",
		Short: "Let a new machine become a member; HOST:PORT is its peer address (operators)",
		Long: `Let a new machine become a member. Then start it on an empty directory:

  parley serve --name NAME --data DIR --listen HOST:PORT --peer-listen HOST:PORT --join PEERHOST:PORT

It gets the state from the others, and becomes a voter by itself once it has caught up. With --replace OLD the member OLD, dead
or alive, leaves in the step in which NAME becomes a voter, so that the cluster never stands on fewer legs.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			add, err := addMember(args[0]+"="+args[1], learner, replace)
			if err != nil {
				return err
			}
			return a.changeMembers(cmd.Context(), admin, &parleyv1.ChangeMembersRequest{Add: []*parleyv1.AddMember{add}})
		},
	}
	c.Flags().BoolVar(&learner, "learner", false, "keep it a learner, which does not vote, until it is promoted")
	c.Flags().StringVar(&replace, "replace", "", "`NAME` of the member whose place it takes")
	return c
}

func newClusterPromote(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "promote NAME...", Short: "Make learners voters, once they have caught up (operators)", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeMembers(cmd.Context(), admin, &parleyv1.ChangeMembersRequest{Promote: args})
		},
	}
}

func newClusterRemove(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Short: "Take members out for good; their directories cannot come back (operators)",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeMembers(cmd.Context(), admin, &parleyv1.ChangeMembersRequest{Remove: args})
		},
	}
}

func newClusterChange(a *app, admin *adminFlags) *cobra.Command {
	var add, learners, replace, promote, remove []string
	c := &cobra.Command{
		Use: "change", Short: "Add, promote and remove several members in one step (operators)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &parleyv1.ChangeMembersRequest{Promote: promote, Remove: remove}
			places := map[string]string{}
			for _, pair := range replace {
				name, old, ok := strings.Cut(pair, "=")
				if !ok {
					return usageError("--replace %q: want NEW=OLD", pair)
				}
				places[name] = old
			}
			for _, spec := range add {
				name, _, _ := strings.Cut(spec, "=")
				m, err := addMember(spec, slices.Contains(learners, name), places[name])
				if err != nil {
					return err
				}
				delete(places, name)
				r.Add = append(r.Add, m)
			}
			for name := range places {
				return usageError("--replace names %s, --add does not", name)
			}
			if len(r.Add)+len(promote)+len(remove) == 0 {
				return usageError("give --add, --promote or --remove: see parley cluster change --help")
			}
			return a.changeMembers(cmd.Context(), admin, r)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&add, "add", nil, "new members, `NAME=HOST:PORT` with their peer addresses")
	f.StringSliceVar(&learners, "learner", nil, "`NAME`s of --add that stay learners until they are promoted")
	f.StringSliceVar(&replace, "replace", nil, "whose place a member of --add takes, `NEW=OLD`")
	f.StringSliceVar(&promote, "promote", nil, "`NAME`s of learners that become voters")
	f.StringSliceVar(&remove, "remove", nil, "`NAME`s of members that leave")
	return c
}

func addMember(spec string, learner bool, replace string) (*parleyv1.AddMember, error) {
	name, addr, _ := strings.Cut(spec, "=")
	if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" || port == "0" || name == "" {
		return nil, usageError("%q: want a name and HOST:PORT, the peer address of the new member", strings.Replace(spec, "=", " ", 1))
	}
	if learner && replace != "" {
		return nil, usageError("a learner cannot replace %s: it has to become a voter", replace)
	}
	return &parleyv1.AddMember{Name: name, PeerAddress: addr, Learner: learner, Replaces: replace}, nil
}

// changeMembers carries a change out and prints the members that there are then.
func (a *app) changeMembers(ctx context.Context, admin *adminFlags, r *parleyv1.ChangeMembersRequest) error {
	c, closeClient, err := a.dialCluster(admin)
	if err != nil {
		return err
	}
	defer closeClient()
	r.RequestId = client.NewRequestID()
	resp, err := c.ChangeMembers(ctx, r)
	if err != nil {
		return err
	}
	return a.printMembers(resp.GetMembers())
}

// printMembers prints one member a line.
func (a *app) printMembers(members []*parleyv1.Member) error {
	if !a.json() {
		if err := a.printf("%-3s %-8s %-8s %-10s %-22s %-22s %s\n", "ID", "NAME", "ROLE", "REACHABLE", "PEER ADDRESS", "ADDRESS",
			"PENDING"); err != nil {
			return err
		}
	}
	for _, m := range members {
		var err error
		if a.json() {
			err = a.printJSON(toMemberJSON(m))
		} else {
			reachable := "yes"
			if !m.GetReachable() {
				reachable = "NO"
			}
			err = a.printf("%-3s %-8s %-8s %-10s %-22s %-22s %s\n", fmt.Sprint(m.GetId()), sanitizeLine(m.GetName()),
				roleName(m.GetRole()), reachable, sanitizeLine(m.GetPeerAddress()), sanitizeLine(m.GetAddress()),
				sanitizeLine(m.GetPending()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
