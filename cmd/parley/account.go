package main

import (
	"strings"

	"github.com/spf13/cobra"

	"parley/proto/parleyv1"
)

// userJSON is one account; its first two fields are part of the contract with scripts.
type userJSON struct {
	Username    string  `json:"username"`
	DisplayName string  `json:"display_name"`
	Deleted     bool    `json:"deleted,omitempty"`
	Operator    bool    `json:"operator,omitempty"`
	Status      string  `json:"status,omitempty"`
	Suspended   bool    `json:"suspended,omitempty"`
	Bot         bool    `json:"bot,omitempty"`
	AgeMS       *uint64 `json:"age_ms,omitempty"`
}

func toUserJSON(u *parleyv1.User) userJSON {
	return userJSON{
		Username: u.GetUsername(), DisplayName: u.GetDisplayName(), Deleted: u.GetDeleted(), Operator: u.GetOperator(),
		Status: u.GetStatus(), Suspended: u.GetSuspended(), Bot: u.GetBot(),
	}
}

func newAccount(a *app) *cobra.Command {
	return group("account", "Make, import, show, change and delete accounts",
		newAccountCreate(a), newAccountImport(a), newAccountShow(a), newAccountPassword(a), newAccountProfile(a),
		newAccountBlock(a), newAccountUnblock(a), newAccountBlocks(a), newAccountDelete(a))
}

func newAccountCreate(a *app) *cobra.Command {
	var displayName, invite string
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account; `parley login --user NAME` then opens a session",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := a.password(cmd.Context(), a.passwordOf("password", true))
			if err != nil {
				return err
			}
			c, err := a.dialWith(nil)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.CreateUser(cmd.Context(), &parleyv1.CreateUserRequest{
				Username: args[0], DisplayName: displayName, Password: password, InviteCode: invite,
			})
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(toUserJSON(resp.GetUser()))
			}
			return a.printf("%s\n", sanitize(resp.GetUser().GetUsername()))
		},
	}
	c.Flags().StringVar(&displayName, "display-name", "", "the name that others see; the account name when left out")
	c.Flags().StringVar(&invite, "invite", "", "the `CODE` that an operator gave out, where the cluster asks for one")
	return c
}

func newAccountShow(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show an account; the own one without NAME",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			var user *parleyv1.User
			var info *parleyv1.ReadInfo
			if len(args) == 0 {
				resp, err := c.WhoAmI(cmd.Context(), &parleyv1.WhoAmIRequest{Consistency: consistency(localRead)})
				if err != nil {
					return err
				}
				user, info = resp.GetUser(), resp.GetReadInfo()
			} else {
				name := foldName(args[0])
				resp, err := c.ListUsers(cmd.Context(), &parleyv1.ListUsersRequest{
					Pattern: escapeGlob(name), PageSize: 1, Consistency: consistency(localRead),
				})
				if err != nil {
					return err
				}
				if len(resp.GetUsers()) == 0 {
					return &failure{code: exitNotFound, message: "no account is named " + name, hint: "see: parley users"}
				}
				user, info = resp.GetUsers()[0], resp.GetReadInfo()
			}
			u := toUserJSON(user)
			u.AgeMS = ageOf(localRead, info)
			if a.json() {
				return a.printJSON(u)
			}
			return a.printUser(u)
		},
	}
	addLocalFlag(c, &localRead)
	return c
}

func newAccountPassword(a *app) *cobra.Command {
	var newFile string
	c := &cobra.Command{
		Use:   "password",
		Short: "Change the password; the account's other sessions end",
		Long: `Change the password; the account's other sessions end.

The old password is asked for, or comes from --password-file or PARLEY_PASSWORD; the new one is asked for, or comes from
--new-password-file or PARLEY_NEW_PASSWORD.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			old, err := a.password(cmd.Context(), a.passwordOf("old password", false))
			if err != nil {
				return err
			}
			fresh, err := a.password(cmd.Context(), newPasswordOf(newFile))
			if err != nil {
				return err
			}
			if _, err := c.ChangePassword(cmd.Context(), &parleyv1.ChangePasswordRequest{
				OldPassword: old, NewPassword: fresh,
			}); err != nil {
				return err
			}
			return a.printDone("password changed", map[string]any{"changed": true})
		},
	}
	c.Flags().StringVar(&newFile, "new-password-file", "", "read the new password from this file; else PARLEY_NEW_PASSWORD")
	return c
}

func newPasswordOf(file string) secret {
	return secret{what: "new password", file: file, flag: "--new-password-file", env: "PARLEY_NEW_PASSWORD", confirm: true}
}

func newAccountDelete(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete",
		Short: "Delete the own account: what it sent is erased, its name stays reserved",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			token, user, err := a.token()
			if err != nil {
				return err
			}
			if !yes {
				ok, err := a.confirmed(ctx, "Delete this account and erase everything that it sent?")
				if err != nil {
					return err
				}
				if !ok {
					return usageError("nothing was deleted: say yes, or give --yes")
				}
			}
			c, err := a.dialWith(token)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			password, err := a.deletePassword(cmd, yes)
			if err != nil {
				return err
			}
			if _, err := c.DeleteUser(ctx, &parleyv1.DeleteUserRequest{Password: password}); err != nil {
				return err
			}
			if err := a.forget(user); err != nil {
				a.warn("the account is deleted, its token could not be removed: " + err.Error())
			}
			return a.printDone("account deleted", map[string]any{"deleted": true})
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "ask nothing")
	return c
}

// deletePassword never asks when --yes promised not to: without a password given, the session alone vouches.
func (a *app) deletePassword(cmd *cobra.Command, yes bool) (string, error) {
	s := a.passwordOf("password", false)
	if !yes {
		return a.password(cmd.Context(), s)
	}
	p, _, err := a.given(s)
	return p, err
}

// forget drops a token that is of no more use; nothing when it came from PARLEY_TOKEN.
func (a *app) forget(user string) error {
	if user == "" {
		return nil
	}
	st, err := a.state()
	if err != nil {
		return err
	}
	return st.forget(user)
}

// printDone reports success where there is no data: a word to a person, an object to a script.
func (a *app) printDone(words string, object any) error {
	if a.json() {
		return a.printJSON(object)
	}
	return a.printf("%s\n", words)
}

// printUsers prints accounts, with the age of what a local read told of them.
func (a *app) printUsers(users []*parleyv1.User, ageMS *uint64) error {
	for _, user := range users {
		u := toUserJSON(user)
		u.AgeMS = ageMS
		var err error
		if a.json() {
			err = a.printJSON(u)
		} else {
			err = a.printUser(u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printUser(u userJSON) error {
	marks := ""
	if u.Operator {
		marks += "  operator"
	}
	if u.Deleted {
		marks += "  deleted"
	}
	if u.Suspended {
		marks += "  suspended"
	}
	if u.Bot {
		marks += "  bot"
	}
	if u.Status != "" {
		marks += "  (" + sanitizeLine(u.Status) + ")"
	}
	return a.printf("%-20s  %s%s\n", sanitizeLine(u.Username), sanitizeLine(u.DisplayName), marks)
}

// escapeGlob makes a pattern that matches the name alone.
func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(name)
}

// consistency of a read with or without --local.
func consistency(localRead bool) parleyv1.Consistency {
	if localRead {
		return parleyv1.Consistency_CONSISTENCY_LOCAL
	}
	return parleyv1.Consistency_CONSISTENCY_LINEARIZABLE
}

func addLocalFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "local", false, "answer from one node alone, which needs no quorum; adds age_ms")
}

// ageOf is shown with --local only.
func ageOf(localRead bool, info *parleyv1.ReadInfo) *uint64 {
	if !localRead {
		return nil
	}
	age := info.GetAgeMs()
	return &age
}

// clientLabel is what `sessions list` shows.
func clientLabel(host string) string {
	if host == "" {
		return "parley"
	}
	return "parley on " + host
}
