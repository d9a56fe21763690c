package api

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
	"parley/store"
)

// ImportAccounts proposes one CreateUser for each account, all at once, so that they share a few entries of the log. They
// have the request id in common: Apply keeps a creation's answer under its name and request id.
func (s *cluster) ImportAccounts(ctx context.Context, r *parleyv1.ImportAccountsRequest) (
	*parleyv1.ImportAccountsResponse, error,
) {
	commands, err := importCommands(r)
	if err != nil {
		return nil, err
	}
	open := false
	err = s.operatorRead(ctx, func(v *store.View) error {
		set, err := v.Settings()
		open = set.GetRegistration() == parleyv1.Registration_REGISTRATION_OPEN
		return err
	})
	if err != nil {
		return nil, err
	}
	if !open {
		byOperator(ctx, commands)
	}
	select {
	case s.importing <- struct{}{}:
		defer func() { <-s.importing }()
	case <-ctx.Done():
		return nil, contextFailure(ctx.Err())
	}
	errs := make([]error, len(commands))
	var wg sync.WaitGroup
	for i, cmd := range commands {
		// Owned by this call, which waits for it; touches its own error alone.
		wg.Go(func() { _, errs[i] = s.propose(ctx, cmd) })
	}
	wg.Wait()
	resp := &parleyv1.ImportAccountsResponse{}
	if resp.Existing, err = imported(commands, errs); err != nil {
		return nil, err
	}
	resp.Imported = uint32(len(commands) - len(resp.GetExisting()))
	s.log.Info("accounts imported", "imported", resp.GetImported(), "existing", len(resp.GetExisting()),
		"from_admin_socket", callerOf(ctx).socket)
	return resp, nil
}

// byOperator makes commands that are carried out although nobody may register. They have the digest of the others, so that a
// retry may come as either; a cluster of before settings never sees them.
func byOperator(ctx context.Context, commands []*internalv1.Command) {
	for _, c := range commands {
		u := c.GetCreateUser()
		c.Session = callerOf(ctx).token
		c.Body = &internalv1.Command_RegisterUser{RegisterUser: &internalv1.RegisterUser{
			Username: u.GetUsername(), DisplayName: u.GetDisplayName(), PasswordPhc: u.GetPasswordPhc(),
			FromAdminSocket: callerOf(ctx).socket,
		}}
	}
}

// importCommands checks the whole request before anything is proposed.
func importCommands(r *parleyv1.ImportAccountsRequest) ([]*internalv1.Command, error) {
	var f form
	id := f.requestID(r.RequestId)
	if n := len(r.GetAccounts()); n < 1 || n > maxImport {
		f.add("accounts", "must be 1 to %d, are %d", maxImport, n)
		return nil, f.err()
	}
	commands := make([]*internalv1.Command, 0, len(r.GetAccounts()))
	seen := make(map[string]bool, len(r.GetAccounts()))
	for i, a := range r.GetAccounts() {
		at := fmt.Sprintf("accounts[%d].", i)
		name := f.username(at+"username", a.GetUsername())
		if name != "" && seen[name] {
			f.add(at+"username", "is there twice")
		}
		seen[name] = true
		display := f.label(at+"display_name", a.GetDisplayName(), maxDisplayNameChars)
		f.passwordHash(at+"password_hash", a.GetPasswordHash())
		commands = append(commands, &internalv1.Command{RequestId: id, Body: &internalv1.Command_CreateUser{
			CreateUser: &internalv1.CreateUser{Username: name, DisplayName: display, PasswordPhc: a.GetPasswordHash()},
		}})
	}
	return commands, f.err()
}

// passwordHash takes a hash that costs whoever guesses at least what our own cost, and us no more than a stored one may.
func (f *form) passwordHash(field, phc string) {
	if len(phc) > maxImportPHCBytes {
		f.add(field, "must be at most %d bytes", maxImportPHCBytes)
		return
	}
	p, err := parsePHC(phc)
	switch {
	case err != nil:
		f.add(field, "must be $argon2id$v=19$m=…,t=…,p=…$salt$tag with m up to %d, t up to %d, p up to %d and unpadded base64",
			maxArgonMemoryKiB, maxArgonTime, maxArgonThreads)
	case p.memoryKiB < argonMemoryKiB || p.memoryKiB*p.passes < argonMemoryKiB*argonTime:
		f.add(field, "must not be weaker than m=%d,t=%d: m at least that, m times t at least %d",
			argonMemoryKiB, argonTime, argonMemoryKiB*argonTime)
	case p.memoryKiB*p.passes > maxImportWork:
		f.add(field, "must not cost more than m times t of %d: each login would", maxImportWork)
	case len(p.salt) < minImportSaltBytes || len(p.tag) < minImportTagBytes:
		f.add(field, "must have a salt of %d bytes or more and a tag of %d or more", minImportSaltBytes, minImportTagBytes)
	}
}

// accountOf is the name that a command of an import makes an account of.
func accountOf(c *internalv1.Command) string {
	if u := c.GetRegisterUser(); u != nil {
		return u.GetUsername()
	}
	return c.GetCreateUser().GetUsername()
}

// imported sums up what became of the commands: the names that were taken, or the one error of the call. A call that failed
// in part has an unknown outcome, which the same request id resolves.
func imported(commands []*internalv1.Command, errs []error) (existing []string, err error) {
	var first *failure
	applied, unknown := false, false
	for i, err := range errs {
		var f *failure
		switch {
		case err == nil:
			applied = true
		case !errors.As(err, &f):
			f = internal(err)
			fallthrough
		default:
			unknown = unknown || f.unknown
			if f.code == codes.AlreadyExists {
				existing = append(existing, accountOf(commands[i]))
			} else if first == nil || (f.unknown && !first.unknown) {
				first = f
			}
		}
	}
	if first == nil {
		return existing, nil
	}
	if applied && !first.unknown {
		partly := *first
		partly.unknown = true
		partly.message += "; some of the accounts are made: " + nextRetrySameRequestID
		return nil, &partly
	}
	return nil, first
}
