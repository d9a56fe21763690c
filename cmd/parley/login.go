package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// whoJSON is an account with its session.
type whoJSON struct {
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	Operator    bool   `json:"operator"`
	SessionID   string `json:"session_id"`
	Client      string `json:"client"`
	Created     string `json:"created"`
	Expires     string `json:"expires"`
	Token       string `json:"token,omitempty"`
}

func toWhoJSON(u *parleyv1.User, s *parleyv1.Session) whoJSON {
	return whoJSON{
		Username: u.GetUsername(), DisplayName: u.GetDisplayName(), Operator: u.GetOperator(),
		SessionID: s.GetId(), Client: s.GetClient(), Created: rfc3339(s.GetCreated()), Expires: rfc3339(s.GetExpires()),
	}
}

func newLogin(a *app) *cobra.Command {
	var showToken bool
	c := &cobra.Command{
		Use:   "login [NAME]",
		Short: "Open a session and keep its token in the state directory",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := a.loginName(args)
			if err != nil {
				return err
			}
			st, err := a.state()
			if err != nil {
				return err
			}
			if _, err := st.tokenPath(name); err != nil {
				return err
			}
			password, err := a.password(cmd.Context(), a.passwordOf("password", false))
			if err != nil {
				return err
			}
			c, err := a.dialWith(nil)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			host, _ := os.Hostname()
			resp, err := c.Login(cmd.Context(), name, password, clientLabel(host))
			if err != nil {
				return err
			}
			if err := a.saver(st)(name, c.Token()); err != nil {
				hint := "make the state directory writable and log in again"
				if strings.Contains(err.Error(), "keyring") {
					hint = ""
				}
				_ = c.Logout(cmd.Context()) // nobody keeps its token; it would stand in the list of sessions
				return &failure{code: exitFailed, message: "the token could not be kept: " + err.Error(), hint: hint}
			}
			who := toWhoJSON(resp.GetUser(), resp.GetSession())
			if showToken {
				who.Token = encodeToken(c.Token())
			}
			if a.json() {
				return a.printJSON(who)
			}
			if showToken {
				return a.printf("%s\n", who.Token)
			}
			return a.printf("logged in as %s until %s\n", sanitizeLine(who.Username), clockTime(resp.GetSession().GetExpires()))
		},
	}
	a.addKeyringFlag(c)
	c.Flags().BoolVar(&showToken, "show-token", false, "print the token too, for PARLEY_TOKEN elsewhere")
	return c
}

// loginName is the positional name or --user.
func (a *app) loginName(args []string) (string, error) {
	user := foldName(a.flags.user)
	switch {
	case len(args) == 0 && user == "":
		return "", usageError("who? parley login --user NAME")
	case len(args) == 0:
		return user, nil
	case user != "" && user != foldName(args[0]):
		return "", usageError("two names, %s and --user %s: give one", args[0], user)
	default:
		return foldName(args[0]), nil
	}
}

func newLogout(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the session and forget its token",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, user, err := a.token()
			if err != nil {
				return err
			}
			c, err := a.dialWith(token)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			err = c.Logout(cmd.Context())
			if client.IsUnauthenticated(err) {
				if ferr := a.forget(user); ferr != nil {
					return ferr
				}
				return &failure{code: exitAuth, message: "the session had ended before; its token is forgotten"}
			}
			if err != nil {
				return err
			}
			if err := a.forget(user); err != nil {
				return err
			}
			return a.printDone("logged out", map[string]any{"logged_out": true})
		},
	}
}

func newWhoAmI(a *app) *cobra.Command {
	var localRead bool
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Show the account and session in use",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.WhoAmI(cmd.Context(), &parleyv1.WhoAmIRequest{Consistency: consistency(localRead)})
			if err != nil {
				return err
			}
			if !a.json() {
				return a.printf("%s\n", sanitizeLine(resp.GetUser().GetUsername()))
			}
			return a.printJSON(struct {
				whoJSON
				AgeMS *uint64 `json:"age_ms,omitempty"`
			}{toWhoJSON(resp.GetUser(), resp.GetSession()), ageOf(localRead, resp.GetReadInfo())})
		},
	}
	addLocalFlag(c, &localRead)
	return c
}

func newSessions(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the account's sessions", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.ListSessions(cmd.Context(), &parleyv1.ListSessionsRequest{})
			if err != nil {
				return err
			}
			for _, s := range resp.GetSessions() {
				if err := a.printSession(s); err != nil {
					return err
				}
			}
			return nil
		},
	}
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End one of the account's sessions", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			if _, err := c.RevokeSession(cmd.Context(), &parleyv1.RevokeSessionRequest{SessionId: args[0]}); err != nil {
				return err
			}
			return a.printDone("session ended", map[string]any{"revoked": args[0]})
		},
	}
	return group("sessions", "List and end the account's sessions", list, revoke)
}

func (a *app) printSession(s *parleyv1.Session) error {
	if a.json() {
		return a.printJSON(struct {
			ID      string `json:"id"`
			Client  string `json:"client"`
			Created string `json:"created"`
			Expires string `json:"expires"`
			Current bool   `json:"current"`
		}{s.GetId(), s.GetClient(), rfc3339(s.GetCreated()), rfc3339(s.GetExpires()), s.GetCurrent()})
	}
	mark := " "
	if s.GetCurrent() {
		mark = "*"
	}
	return a.printf("%s %s  since %s until %s  %s\n", mark, s.GetId(), clockTime(s.GetCreated()),
		s.GetExpires().AsTime().In(time.Local).Format("2006-01-02"), sanitizeLine(s.GetClient()))
}
