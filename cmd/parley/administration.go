package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

func newClusterSuspend(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "suspend NAME",
		Short: "End an account's sessions, and let it open none and its bots do nothing (operators)",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.suspend(cmd, admin, args[0], true) },
	}
}

func newClusterUnsuspend(a *app, admin *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "unsuspend NAME",
		Short: "End a suspension (operators)",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.suspend(cmd, admin, args[0], false) },
	}
}

func (a *app) suspend(cmd *cobra.Command, admin *adminFlags, name string, suspended bool) error {
	c, closeClient, err := a.dialCluster(admin)
	if err != nil {
		return err
	}
	defer closeClient()
	name = foldName(name)
	_, err = c.SuspendUser(cmd.Context(), &parleyv1.SuspendUserRequest{Username: name, Suspended: suspended})
	if err != nil {
		return err
	}
	words := name + " is suspended"
	if !suspended {
		words = name + " may log in again"
	}
	return a.printDone(sanitizeLine(words), map[string]any{"username": name, "suspended": suspended})
}

func newClusterRemoveUser(a *app, admin *adminFlags) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "remove-user NAME",
		Short: "Delete an account: what it sent is erased, its name stays reserved (operators)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := foldName(args[0])
			if !yes {
				ok, err := a.confirmed(cmd.Context(), "Delete the account "+sanitizeLine(name)+" and erase everything that it sent?")
				if err != nil {
					return err
				}
				if !ok {
					return usageError("nothing was deleted: say yes, or give --yes")
				}
			}
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			if _, err := c.RemoveUser(cmd.Context(), &parleyv1.RemoveUserRequest{Username: name}); err != nil {
				return err
			}
			return a.printDone(sanitizeLine(name)+" is deleted", map[string]any{"username": name, "deleted": true})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

// settingsJSON are the cluster's settings.
type settingsJSON struct {
	Registration string `json:"registration"`
	RetainDays   uint32 `json:"retain_days"`
}

func newClusterSettings(a *app, admin *adminFlags) *cobra.Command {
	var registration string
	var retainDays uint32
	c := &cobra.Command{
		Use:   "settings",
		Short: "Show the cluster's settings, or change those that are given (operators)",
		Long: `Show the cluster's settings, or change those that are given.

Registration says who may make an account: anyone who reaches a node (open), who has an invite code (invite: see parley cluster
invite), or nobody (closed). Operators always may, with parley account import.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			change := &parleyv1.UpdateSettingsRequest{}
			if cmd.Flags().Changed("registration") {
				value, ok := parleyv1.Registration_value["REGISTRATION_"+strings.ToUpper(registration)]
				if !ok || value == 0 {
					return usageError("--registration %q: choose open, invite or closed", registration)
				}
				change.Registration = parleyv1.Registration(value)
			}
			if cmd.Flags().Changed("retain-days") {
				change.RetainDays = &retainDays
			}
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			if change.Registration != 0 || change.RetainDays != nil {
				resp, err := c.UpdateSettings(cmd.Context(), change)
				if err != nil {
					return err
				}
				return a.printSettings(resp.GetSettings())
			}
			resp, err := c.GetSettings(cmd.Context(), &parleyv1.GetSettingsRequest{})
			if err != nil {
				return err
			}
			return a.printSettings(resp.GetSettings())
		},
	}
	c.Flags().StringVar(&registration, "registration", "", "who may make an account: open, invite or closed")
	c.Flags().Uint32Var(&retainDays, "retain-days", 0, "remove messages that are older, where a room says nothing else; 0 for none")
	return c
}

func (a *app) printSettings(s *parleyv1.Settings) error {
	registration := strings.ToLower(strings.TrimPrefix(s.GetRegistration().String(), "REGISTRATION_"))
	if a.json() {
		return a.printJSON(settingsJSON{Registration: registration, RetainDays: s.GetRetainDays()})
	}
	retain := "messages are kept"
	if s.GetRetainDays() > 0 {
		retain = fmt.Sprintf("messages are removed after %d days", s.GetRetainDays())
	}
	return a.printf("registration is %s, %s\n", registration, retain)
}

// auditJSON is one act.
type auditJSON struct {
	Number uint64 `json:"number"`
	Time   string `json:"time"`
	Actor  string `json:"actor"`
	Act    string `json:"act"`
	Target string `json:"target"`
	Detail string `json:"detail"`
}

func newClusterAudit(a *app, admin *adminFlags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "audit",
		Short: "List logins and administrative acts, the newest first (operators)",
		Long: `List logins and administrative acts, the newest first: login, logout, password, register, delete, bot, operator,
reset-password, suspend, remove, settings, invite, members and room-archive. 10,000 are kept. Who used a node's admin socket has
no name.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxAudit {
				return usageError("--limit %d: give 1 to %d", limit, maxAudit)
			}
			c, closeClient, err := a.dialCluster(admin)
			if err != nil {
				return err
			}
			defer closeClient()
			for page, left := "", limit; ; {
				resp, err := c.ListAudit(cmd.Context(), &parleyv1.ListAuditRequest{
					PageSize: uint32(min(left, pageSize)), PageToken: page,
				})
				if err != nil {
					return err
				}
				for _, e := range resp.GetEntries() {
					if err := a.printAudit(e); err != nil {
						return err
					}
				}
				left -= len(resp.GetEntries())
				if page = resp.GetNextPageToken(); page == "" || left <= 0 {
					return nil
				}
			}
		},
	}
	c.Flags().IntVar(&limit, "limit", defaultAuditLimit, "how many")
	return c
}

func (a *app) printAudit(e *parleyv1.AuditEntry) error {
	if a.json() {
		return a.printJSON(auditJSON{
			Number: e.GetNumber(), Time: rfc3339(e.GetTime()), Actor: e.GetActor(), Act: e.GetAct(), Target: e.GetTarget(),
			Detail: e.GetDetail(),
		})
	}
	actor := e.GetActor()
	if actor == "" {
		actor = "(admin socket)"
	}
	return a.printf("%s  %-20s  %-14s  %s\n", clockTime(e.GetTime()), sanitizeLine(actor), sanitizeLine(e.GetAct()),
		strings.TrimSpace(sanitizeLine(e.GetTarget()+"  "+e.GetDetail())))
}
