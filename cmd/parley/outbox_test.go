package main

import (
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"parley/tui/cache"
	"parley/tui/common"
)

// cmdOutboxed puts a message into a user's outbox as the terminal client does: outboxed USER TO TEXT [CLUSTER].
func cmdOutboxed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: outboxed USER TO TEXT [CLUSTER]")
	}
	c, err := cache.Open(filepath.Join(ts.Getenv("XDG_STATE_HOME"), "parley", "cache"), args[0], time.Now())
	ts.Check(err)
	saved, err := c.Load()
	ts.Check(err)
	o := common.Outgoing{
		ID: uuid.Must(uuid.NewV7()).String(), Conversation: args[1], Text: args[2], Written: time.Now(), Order: uint64(len(saved.Outbox) + 1),
	}
	if len(args) > 3 {
		o.Cluster = args[3]
	}
	ts.Check(c.Put(o))
	ts.Setenv("OUTBOXED", strconv.Itoa(len(saved.Outbox)+1))
	ts.Check(c.Close())
}
