package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// makeAccounts fills b.accounts with n accounts of one password, which is random and forgotten with this process.
func (b *Bench) makeAccounts(ctx context.Context, n int) error {
	b.o.Progress(fmt.Sprintf("making %d accounts", n))
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-%04d", b.run, i)
		b.accounts = append(b.accounts, &account{name: names[i]})
	}
	if b.o.Operator != nil {
		return b.importAccounts(ctx, names)
	}
	c, err := b.dial(client.Options{Servers: b.o.Servers})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setupParallel)
	for _, name := range names {
		g.Go(func() error {
			if _, err := c.CreateUser(ctx, &parleyv1.CreateUserRequest{Username: name, Password: b.password}); err != nil {
				return fmt.Errorf("make account %s: %w", name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// makeUsers makes accounts that nobody uses.
func (b *Bench) makeUsers(ctx context.Context) error {
	if b.o.Users == 0 {
		return nil
	}
	b.o.Progress(fmt.Sprintf("importing %d users", b.o.Users))
	names := make([]string, b.o.Users)
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-user-%07d", b.run, i)
	}
	return b.importAccounts(ctx, names)
}

// importAccounts makes many accounts from one hash of the password.
func (b *Bench) importAccounts(ctx context.Context, names []string) error {
	phc := hashPassword(b.password)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(importParallel)
	for len(names) > 0 {
		n := min(importBatch, len(names))
		req := &parleyv1.ImportAccountsRequest{}
		for _, name := range names[:n] {
			req.Accounts = append(req.Accounts, &parleyv1.ImportAccount{Username: name, PasswordHash: phc})
		}
		names = names[n:]
		g.Go(func() error {
			resp, err := b.o.Operator.ImportAccounts(ctx, req)
			if err == nil && len(resp.GetExisting()) > 0 {
				err = fmt.Errorf("the name %s is taken", resp.GetExisting()[0])
			}
			if err != nil {
				return fmt.Errorf("import accounts: %w", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// hashPassword makes the PHC string that the service would make: its parameters are the least that an import may have.
func hashPassword(password string) string {
	const memoryKiB, passes, threads, tagBytes = 19456, 2, 1, 32
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	tag := argon2.IDKey([]byte(password), salt, passes, memoryKiB, threads, tagBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, threads,
		b64.EncodeToString(salt), b64.EncodeToString(tag))
}

// login gives these accounts a client and a session, unless they have them.
func (b *Bench) login(ctx context.Context, accounts []int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(setupParallel)
	for _, i := range accounts {
		a := b.accounts[i]
		if a.c != nil {
			continue
		}
		b.mu.Lock()
		c, err := b.session(pinned{account: i}, nil)
		b.mu.Unlock()
		if err != nil {
			return err
		}
		a.c = c
		g.Go(func() error {
			if _, err := c.Login(ctx, a.name, b.password, "parley bench"); err != nil {
				return fmt.Errorf("log %s in: %w", a.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// session gives a client with this token: with connections of its own, or over those that it shares. It needs mu.
func (b *Bench) session(p pinned, token []byte) (*client.Client, error) {
	n := b.o.Connections
	if n == 0 {
		return b.dialPinned(p, token)
	}
	p.account %= n
	if b.shared[p] == nil {
		c, err := b.dialPinned(p, nil)
		if err != nil {
			return nil, err
		}
		b.shared[p] = c
	}
	return b.shared[p].Share(token), nil
}

func (b *Bench) dialPinned(p pinned, token []byte) (*client.Client, error) {
	o := client.Options{Servers: rotated(b.o.Servers, p.account), Token: token, Unary: p.unary}
	if p.address != "" {
		o.Servers, o.OnlyServers, o.StatusInterval = []string{p.address}, true, -1 // there is nothing else to learn of
	}
	return b.dial(o)
}

// dial completes the options with what all clients of a run have in common.
func (b *Bench) dial(o client.Options) (*client.Client, error) {
	o.TLS, o.Timeout, o.UserAgent = b.o.TLS, b.o.Timeout, "parley-bench"
	return client.Dial(o)
}

// rotated begins the list with another server for each client, so that the clients spread over the nodes.
func rotated(servers []string, i int) []string {
	n := len(servers)
	r := make([]string, 0, n)
	for j := range n {
		r = append(r, servers[(i+j)%n])
	}
	return r
}
