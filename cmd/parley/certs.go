package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/pki"
)

func newCerts(a *app) *cobra.Command {
	var dir string
	c := group("certs", "Make the certificates of a cluster",
		newCertsInit(a, &dir), newCertsNode(a, &dir), newCertsClient(a, &dir), newCertsShow(a))
	c.Long = `Make the certificates of a cluster: one CA, one pair for each node, all in one directory.

  parley certs init --dir certs
  parley certs node n1 chat1.example.org 10.0.0.1 --dir certs

A node needs ca.crt and its own NAME.crt and NAME.key (parley serve --tls-dir); a user needs ca.crt (--tls-ca). ca.key
belongs on none of them. Running node or client again renews that pair; nodes pick it up without a restart.`
	c.PersistentFlags().StringVar(&dir, "dir", "certs", "directory of the CA and the pairs")
	return c
}

func newCertsInit(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "init", Aliases: []string{"ca"}, Short: "Make the CA", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			err := pki.NewCA(*dir)
			if errors.Is(err, fs.ErrExist) {
				return &failure{code: exitFailed, message: *dir + " holds a CA already", hint: "use it, or choose another --dir"}
			}
			if err != nil {
				return err
			}
			return a.printFiles(filepath.Join(*dir, "ca.crt"), filepath.Join(*dir, "ca.key"))
		},
	}
}

func newCertsNode(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "node NAME [HOST...]",
		Short: "Make or renew a node's pair for the host names and addresses that clients use; this machine's without HOST",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := pki.IssueNode(*dir, args[0], args[1:]...); err != nil {
				return certsError(*dir, err)
			}
			return a.printPair(*dir, args[0])
		},
	}
}

func newCertsClient(a *app, dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "client NAME",
		Short: "Make or renew a client's pair, for nodes that ask for one (serve --tls-require-client-cert)",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := pki.IssueClient(*dir, args[0]); err != nil {
				return certsError(*dir, err)
			}
			return a.printPair(*dir, args[0])
		},
	}
}

func newCertsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show FILE...", Short: "Show what is in certificate files", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, path := range args {
				info, err := pki.Inspect(path)
				if err != nil {
					return err
				}
				const day = "2006-01-02"
				if a.json() {
					err = a.printJSON(map[string]any{
						"file": path, "subject": info.Subject, "uri": info.URI, "hosts": info.Hosts, "ca": info.CA,
						"not_before": info.NotBefore.UTC().Format("2006-01-02T15:04:05Z07:00"),
						"not_after":  info.NotAfter.UTC().Format("2006-01-02T15:04:05Z07:00"),
					})
				} else {
					err = a.printf("%s: %s %s %s, valid %s to %s\n", path, sanitizeLine(info.Subject), sanitizeLine(info.URI),
						sanitizeLine(strings.Join(info.Hosts, " ")), info.NotBefore.Format(day), info.NotAfter.Format(day))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// certsError adds what to do when there is no CA yet.
func certsError(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{code: exitNotFound, message: "no CA in " + dir, hint: "run: parley certs init --dir " + dir}
	}
	return err
}

func (a *app) printPair(dir, name string) error {
	return a.printFiles(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
}

func (a *app) printFiles(cert, key string) error {
	return a.printDone(fmt.Sprintf("%s\n%s", cert, key), map[string]any{"cert": cert, "key": key})
}
