package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/api/client"
	"parley/local"
	"parley/proto/parleyv1"
)

// writers send from ann to ben on one client until stop, and tell what was acknowledged. A failed send is left open: its
// outcome is unknown.
type writers struct {
	stop func()
	wg   sync.WaitGroup

	mu    sync.Mutex
	acked map[uint64]string // by seq
	more  chan struct{}     // gets a value when one was acknowledged
}

func startWriters(t *testing.T, c *client.Client, n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &writers{stop: cancel, acked: map[uint64]string{}, more: make(chan struct{}, 1)}
	for i := range n {
		w.wg.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				text := fmt.Sprintf("writer %d, message %d", i, k)
				sent, err := c.SendMessage(ctx, &parleyv1.SendMessageRequest{Conversation: "@ben", Text: text})
				if err != nil {
					continue
				}
				w.mu.Lock()
				w.acked[sent.GetSeq()] = text
				w.mu.Unlock()
				select {
				case w.more <- struct{}{}:
				default:
				}
			}
		})
	}
	return w
}

// await returns when at least n more were acknowledged.
func (w *writers) await(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for want := len(w.soFar()) + n; len(w.soFar()) < want; {
		select {
		case <-w.more:
		case <-ctx.Done():
			t.Fatalf("%d of %d messages were acknowledged", len(w.soFar()), want)
		}
	}
}

func (w *writers) soFar() map[uint64]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[uint64]string, len(w.acked))
	for seq, text := range w.acked {
		out[seq] = text
	}
	return out
}

// hasAll fails unless every acknowledged message is there under its seq, the seqs are gapless and no text is there twice.
func hasAll(t *testing.T, c *client.Client, acked map[uint64]string) {
	t.Helper()
	texts := map[string]uint64{}
	next, after := uint64(1), uint64(0)
	for {
		page, err := c.ReadMessages(t.Context(), &parleyv1.ReadMessagesRequest{Conversation: "@ben", AfterId: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.GetMessages()) == 0 {
			break
		}
		for _, m := range page.GetMessages() {
			if m.GetSeq() != next {
				t.Fatalf("seq %d follows %d", m.GetSeq(), next-1)
			}
			if first, twice := texts[m.GetText()]; twice {
				t.Errorf("%q is there as %d and as %d", m.GetText(), first, m.GetSeq())
			}
			texts[m.GetText()] = m.GetSeq()
			next, after = next+1, m.GetId()
		}
	}
	for seq, text := range acked {
		if texts[text] != seq {
			t.Errorf("acknowledged as %d: %q; it is there as %d", seq, text, texts[text])
		}
	}
	t.Logf("%d acknowledged, %d there", len(acked), next-1)
}

// person makes an account and logs it in.
func person(t *testing.T, name string, servers ...string) *client.Client {
	t.Helper()
	c := dialTest(t, nil, servers...)
	if _, err := c.CreateUser(t.Context(), &parleyv1.CreateUserRequest{Username: name, Password: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Login(t.Context(), name, "correct horse", "test"); err != nil {
		t.Fatal(err)
	}
	return c
}

func dialTest(t *testing.T, token []byte, servers ...string) *client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{Servers: servers, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// runParley runs a command to its end and returns its stdout.
func runParley(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), parleyBinary(t), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("parley %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return out.String()
}

// serveAlone starts the node of a restored or recovered directory and returns its address.
func serveAlone(t *testing.T, name, dir string, ports [2]int) string {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	cmd := exec.Command(parleyBinary(t), "serve", "--name", name, "--data", dir, "--listen", address, "--peer-listen",
		fmt.Sprintf("127.0.0.1:%d", ports[1]))
	log := &lockedBuffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s", log)
		}
	})
	return address
}

// A backup that is made under load holds every message that was acknowledged before it began, whole and in order, and
// neither a password nor a token. Whoever was logged in is not any more.
func TestBackupUnderLoad(t *testing.T) {
	c := startTestCluster(t, 3)
	ann := person(t, "ann", c.Addresses()...)
	person(t, "ben", c.Addresses()...)
	w := startWriters(t, ann, 8)
	defer w.wg.Wait()
	defer w.stop()
	w.await(t, 50)
	file := filepath.Join(t.TempDir(), "backup")
	before := w.soFar()
	runParley(t, "backup", file, "--admin-socket", filepath.Join(c.Dir(), "n2", adminSocket))
	w.await(t, 10)
	w.stop()
	w.wg.Wait()

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string][]byte{
		"the password": []byte("correct horse"), "the token": ann.Token(),
		"the token's text": []byte(base64.RawURLEncoding.EncodeToString(ann.Token())),
	} {
		if len(secret) == 0 || bytes.Contains(data, secret) {
			t.Errorf("the backup holds %s", what)
		}
	}

	dir := filepath.Join(t.TempDir(), "restored")
	ports, err := local.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	runParley(t, "restore", file, "--data", dir, "--name", "r1", "--peer-address", fmt.Sprintf("127.0.0.1:%d", ports[1]))
	address := serveAlone(t, "r1", dir, [2]int{ports[0], ports[1]})
	again := dialTest(t, nil, address)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := again.Login(ctx, "ann", "correct horse", "test"); err != nil {
		t.Fatal(err)
	}
	hasAll(t, again, before)
	if _, err := dialTest(t, ann.Token(), address).WhoAmI(ctx, &parleyv1.WhoAmIRequest{}); err == nil {
		t.Error("an old session is valid")
	}
}

// Two of three nodes die for good under load, then the last leader does. What a recover makes of its directory holds every
// message that was ever acknowledged, and nobody is logged out.
func TestRecoverUnderLoad(t *testing.T) {
	c := startTestCluster(t, 3)
	ann := person(t, "ann", c.Addresses()...)
	person(t, "ben", c.Addresses()...)
	w := startWriters(t, ann, 8)
	defer w.wg.Wait()
	defer w.stop()
	w.await(t, 50)
	st, err := ann.Status(t.Context(), &parleyv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	// Both at once: the leader goes on taking what it can never commit.
	leader := st.GetLeader()
	var kills sync.WaitGroup
	for _, n := range c.Nodes() {
		if n.Name != leader {
			kills.Go(func() {
				if _, err := c.Kill(n.Name); err != nil {
					t.Error(err)
				}
			})
		}
	}
	kills.Wait()
	if _, err := c.Kill(leader); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.wg.Wait()
	acked := w.soFar()

	dir := filepath.Join(c.Dir(), leader)
	t.Log(runParley(t, "recover", "--force-new-cluster", "--yes", "--data", dir))
	ports, err := local.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	hasAll(t, dialTest(t, ann.Token(), serveAlone(t, leader, dir, [2]int{ports[0], ports[1]})), acked)
}
