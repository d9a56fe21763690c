package main

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"parley/hook"
)

// hookFlags are those of `parley hook`.
type hookFlags struct {
	listen, to, path                        string
	tokenFile, secretFile, githubSecretFile string
}

func newHook(a *app) *cobra.Command {
	var f hookFlags
	c := &cobra.Command{
		Use:   "hook",
		Short: "Turn what Alertmanager, GitHub and scripts post over HTTP into messages of a bot",
		Long: `Listen for HTTP posts and send each as a message, with a bot's token:

  parley bot create alerts --to '#ops' --token-file alerts.token
  parley hook --to '#ops' --token-file alerts.token --secret-file hook.secret
  curl -H "Authorization: Bearer $(cat hook.secret)" -d 'the backup is done' http://127.0.0.1:8095/

It takes Alertmanager's webhook JSON, GitHub's (push, pull_request, issues, workflow_run, release and ping, as application/json)
and plain text. It answers 200 only when the message is committed, 503 with Retry-After when it is not; what is posted again after
that is one message: GitHub's by its delivery id, Alertmanager's within five minutes, plain text with an Idempotency-Key header.

The secret goes into the header Authorization: Bearer SECRET, or to the end of the URL's path, for who can set a URL alone. GitHub
needs neither where --github-secret-file holds the secret that its webhook signs with. It speaks plain HTTP: off this machine put
a proxy with TLS in front of it. GET /livez says that it runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.hook(cmd.Context(), f) },
	}
	fs := c.Flags()
	fs.StringVar(&f.listen, "listen", hookListen, "where to listen, `HOST:PORT`")
	fs.StringVar(&f.to, "to", "", "where the messages go, `@user or #room`: what the token was made for")
	fs.StringVar(&f.path, "path", "/", "path of the URL that is posted to")
	fs.StringVar(&f.tokenFile, "token-file", "", "the bot's token, of parley bot create; else PARLEY_TOKEN or --user")
	fs.StringVar(&f.secretFile, "secret-file", "", "ask for the secret in this file, of 16 bytes or more")
	fs.StringVar(&f.githubSecretFile, "github-secret-file", "", "check GitHub's signatures with the secret in this file")
	_ = c.MarkFlagRequired("to")
	return c
}

// hook listens until a signal. What is under way then is finished first.
func (a *app) hook(ctx context.Context, f hookFlags) error {
	o, token, err := a.hookOptions(f)
	if err != nil {
		return err
	}
	log, err := a.newLogger("info")
	if err != nil {
		return err
	}
	c, err := a.dialWith(token)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	o.Sender, o.Logger = c, log
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return &failure{code: exitFailed, message: "--listen " + f.listen + ": " + err.Error(), hint: "choose another address"}
	}
	server := &http.Server{
		Handler: hook.New(o), ReadHeaderTimeout: hookHeaderTimeout, ReadTimeout: hookBodyTimeout, IdleTimeout: hookIdle,
	}
	failed := make(chan error, 1)
	// Ends with the server, which this call stops.
	go func() { failed <- server.Serve(ln) }()
	if err := a.printListening(ln.Addr().String(), o); err != nil {
		_ = server.Close()
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err = server.Shutdown(end)
	if serr := <-failed; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

func (a *app) printListening(address string, o hook.Options) error {
	if a.json() {
		return a.printJSON(map[string]any{"address": address, "to": o.Conversation})
	}
	return a.printf("listening on %s for %s\n", address, sanitizeLine(o.Conversation))
}

// hookOptions reads the files. Off this machine somebody would write for the bot who found the port.
func (a *app) hookOptions(f hookFlags) (o hook.Options, token []byte, err error) {
	if o.Conversation, err = conversationName(f.to); err != nil {
		return o, nil, err
	}
	o.Path = f.path
	if o.Secret, err = a.secretFile("--secret-file", f.secretFile); err != nil {
		return o, nil, err
	}
	if o.GitHubSecret, err = a.secretFile("--github-secret-file", f.githubSecretFile); err != nil {
		return o, nil, err
	}
	if !onThisMachine(f.listen) && o.Secret == nil && o.GitHubSecret == nil {
		return o, nil, usageError("--listen %s is not on this machine alone: give --secret-file or --github-secret-file", f.listen)
	}
	if f.tokenFile == "" {
		token, _, err = a.token()
		return o, token, err
	}
	text, err := a.readPasswordFile(f.tokenFile)
	if err != nil {
		return o, nil, usageError("--token-file: %s", err.Error())
	}
	if token, err = decodeToken(text); err != nil {
		return o, nil, usageError("--token-file %s: %s", f.tokenFile, err.Error())
	}
	return o, token, nil
}

// secretFile is nil where no file is named.
func (a *app) secretFile(flag, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := a.readPasswordFile(path)
	if err != nil {
		return nil, usageError("%s: %s", flag, err.Error())
	}
	if len(text) < minSecretBytes {
		return nil, usageError("%s %s: holds fewer than %d bytes", flag, path, minSecretBytes)
	}
	return []byte(text), nil
}
