package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"parley/boltcheck"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
	"parley/store"
)

const (
	// messagesEach is how many messages each of six writers sends: files of some megabytes, whose trees have branches.
	messagesEach = 250
	// deleteEvery is how many messages of the history one deletion takes.
	deleteEvery = 40
	// callTimeout bounds one call.
	callTimeout = 30 * time.Second
)

// reference is the directory with the undamaged files and facts.json.
type reference struct{ dir string }

func (r reference) path(file string) string { return filepath.Join(r.dir, file) }

// facts are what a child has to know besides the files.
type facts struct {
	// Hub is the SHA-256 of a session's token whose account sees every message.
	Hub []byte
	// Used is the high-water mark of each file: what follows is a hole.
	Used map[string]int64
	// Log is what the log's blob is made of.
	Log []part
}

func (r reference) facts() (f facts, err error) {
	b, err := os.ReadFile(r.path("facts.json"))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

const (
	logFile      = "raft"
	storeFile    = "store.db"
	receivedFile = "receive.db"
)

// makeFiles runs a cluster and keeps the files of one node.
func makeFiles(t cluster.TB, binary string) reference {
	t.Helper()
	c := cluster.Start(t, cluster.Options{Binary: binary, Nodes: 3})
	w := load.Start(t, c, load.Options{Each: messagesEach})
	w.Wait()
	deleteSome(t, c, w.Token())
	// What is acknowledged now is in the log and not yet in the store's file.
	more := load.Start(t, c, load.Options{Hub: "more", Each: 20})
	more.Wait()
	for _, n := range c.Nodes {
		n.Kill()
	}
	r := reference{dir: t.TempDir()}
	token := sha256.Sum256(w.Token())
	f := facts{Hub: token[:], Used: map[string]int64{}}
	if err := copyFile(filepath.Join(c.Nodes[0].Dir, storeFile), r.path(storeFile)); err != nil {
		t.Fatalf("%v", err)
	}
	blob, parts, err := joinLog(filepath.Join(c.Nodes[0].Dir, logFile))
	if err == nil {
		err = os.WriteFile(r.path(logFile), blob, 0o600)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	f.Log, f.Used[logFile] = parts, int64(len(blob))
	t.Logf("%s: %d KiB in %d files", logFile, len(blob)>>10, len(parts))
	if err := spool(r); err != nil {
		t.Fatalf("%v", err)
	}
	for _, file := range []string{storeFile, receivedFile} {
		used, err := boltcheck.UsedBytes(r.path(file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		f.Used[file] = used
		t.Logf("%s: %d KiB in use", file, used>>10)
	}
	b, err := json.Marshal(f)
	if err == nil {
		err = os.WriteFile(r.path("facts.json"), b, 0o600)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return r
}

// spool makes the file that a node sends to another one.
func spool(r reference) error {
	copied := r.path("spool.db")
	defer os.Remove(copied)
	if err := copyFile(r.path(storeFile), copied); err != nil {
		return err
	}
	st, err := store.Open(copied, store.Options{Manual: true})
	if err != nil {
		return err
	}
	_, _, err = st.Spool(r.path(receivedFile))
	return errors.Join(err, st.Close())
}

// deleteSome leaves placeholders and free pages.
func deleteSome(t cluster.TB, c *cluster.Cluster, token []byte) {
	history, err := load.History(c.Nodes[0], token)
	if err != nil {
		t.Fatalf("%v", err)
	}
	d, err := c.Nodes[0].Direct(token)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer d.Close()
	for i := 0; i < len(history); i += deleteEvery {
		ctx, cancel := context.WithTimeout(d.Context(context.Background()), callTimeout)
		_, err := d.Chat.DeleteMessages(ctx, &parleyv1.DeleteMessagesRequest{
			RequestId: newRequest(), Ids: []uint64{history[i].GetId()},
		})
		cancel()
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
