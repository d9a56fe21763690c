package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// importLine is one account of an import file.
type importLine struct {
	Username     string `json:"username"`
	DisplayName  string `json:"display_name"`
	PasswordHash string `json:"password_hash"`
}

func newAccountImport(a *app) *cobra.Command {
	var admin adminFlags
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Make the accounts of another system, with the password hashes that it has (operators)",
		Long: `Make accounts from a file, or from stdin with -. Each line is one account as JSON:

  {"username":"ann","display_name":"Ann A.","password_hash":"$argon2id$v=19$m=19456,t=2,p=1$SALT$TAG"}

The hash is the PHC string of argon2id, not weaker than the service's own: m at least 19456, m times t at least 38912, salt and
tag of 16 bytes or more. Everybody logs in with the password that they had. A name that is taken is left as it is and told on
stderr, so that an import that was cut short is simply run again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := a.in
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usageError("%s", err.Error())
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			c, closeClient, err := a.dialCluster(&admin)
			if err != nil {
				return err
			}
			defer closeClient()
			return a.importAccounts(cmd.Context(), c, in)
		},
	}
	c.Flags().StringVar(&admin.socket, "admin-socket", "", "use a node's admin socket instead of a login")
	c.Flags().StringVar(&admin.data, "data", "", "use the admin socket in this data `DIR`, of parley serve or parley up")
	return c
}

// importer sends accounts in batches and counts.
type importer struct {
	a                  *app
	c                  *client.Client
	batch              []*parleyv1.ImportAccount
	lines              []int // of the accounts in batch
	imported, existing uint64
}

func (a *app) importAccounts(ctx context.Context, c *client.Client, in io.Reader) error {
	im := &importer{a: a, c: c}
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, maxImportLineBytes), maxImportLineBytes)
	for n := 1; s.Scan(); n++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		var l importLine
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			return im.stopped(usageError("line %d is no account as JSON: %s", n, err.Error()))
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return im.stopped(usageError("line %d has more than one account: write one a line", n))
		}
		im.batch = append(im.batch, &parleyv1.ImportAccount{
			Username: l.Username, DisplayName: l.DisplayName, PasswordHash: l.PasswordHash,
		})
		im.lines = append(im.lines, n)
		if len(im.batch) == maxImport {
			if err := im.flush(ctx); err != nil {
				return im.stopped(err)
			}
		}
	}
	if err := s.Err(); err != nil {
		return im.stopped(usageError("the line after %d accounts: %s", im.imported+im.existing, err.Error()))
	}
	if err := im.flush(ctx); err != nil {
		return im.stopped(err)
	}
	if a.json() {
		return a.printJSON(map[string]uint64{"imported": im.imported, "existing": im.existing})
	}
	return a.printf("%d accounts imported, %d existed before\n", im.imported, im.existing)
}

func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	resp, err := im.c.ImportAccounts(ctx, &parleyv1.ImportAccountsRequest{Accounts: im.batch})
	if err != nil {
		return im.named(err)
	}
	im.imported += uint64(resp.GetImported())
	im.existing += uint64(len(resp.GetExisting()))
	for _, name := range resp.GetExisting() {
		im.a.warn("the name " + sanitizeLine(name) + " is taken; that account was left as it is")
	}
	im.batch, im.lines = im.batch[:0], im.lines[:0]
	return nil
}

var accountField = regexp.MustCompile(`accounts\[(\d+)\]\.`)

// named replaces the place in the request by the line of the file.
func (im *importer) named(err error) error {
	var e *client.Error
	if !errors.As(err, &e) || e.Field == "" {
		return err
	}
	return usageError("%s", accountField.ReplaceAllStringFunc(e.Message, func(at string) string {
		i, err := strconv.Atoi(accountField.FindStringSubmatch(at)[1])
		if err != nil || i >= len(im.lines) {
			return at
		}
		return fmt.Sprintf("line %d: ", im.lines[i])
	}))
}

// stopped tells what was done before an error.
func (im *importer) stopped(err error) error {
	if done := im.imported + im.existing; done > 0 {
		im.a.warn(fmt.Sprintf("%d accounts of the lines before are in; run it again, those are left as they are", done))
	}
	return err
}
