package load

import (
	"context"
	"fmt"
	"sync"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// Password is every test account's.
const Password = "correct horse battery"

// Dial makes a client over the servers, as token's session if there is one, and closes it with the test.
func Dial(t cluster.TB, o client.Options) *client.Client {
	t.Helper()
	cl, err := client.Dial(o)
	if err != nil {
		t.Fatalf("dial %v: %v", o.Servers, err)
	}
	t.Cleanup(func() { _ = cl.Close() }) // the test is over
	return cl
}

// Account creates the account and returns a client that is logged in as it.
func Account(t cluster.TB, servers []string, username string) *client.Client {
	t.Helper()
	cl := Dial(t, client.Options{Servers: servers})
	if err := register(cl, username); err != nil {
		t.Fatalf("%v", err)
	}
	return cl
}

func register(cl *client.Client, username string) error {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if _, err := cl.CreateUser(ctx, &parleyv1.CreateUserRequest{Username: username, Password: Password}); err != nil {
		return fmt.Errorf("create %s: %w", username, err)
	}
	if _, err := cl.Login(ctx, username, Password, "e2e"); err != nil {
		return fmt.Errorf("log %s in: %w", username, err)
	}
	return nil
}

// each runs f for 0..n-1 at the same time and returns the first error.
func each(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs <- f(i)
		}()
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
