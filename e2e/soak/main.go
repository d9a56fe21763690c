// Command soak stores a million messages in a local cluster of three real nodes and prints, as one JSON object, what that
// costs a node: its anonymous memory while the history grows, its files, and how long a restart takes until it serves.
//
//	task soak                  or: go run ./e2e/soak -messages 1000000
//
// It is a program and no test: it takes minutes and its result is a figure.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"parley/api/client"
	"parley/e2e/cluster"
	"parley/e2e/load"
	"parley/proto/parleyv1"
)

const (
	// accounts is how many people talk in pairs.
	accounts = 16
	// callTimeout bounds one send with all its retries.
	callTimeout = 60 * time.Second
	// sampleInterval is how often memory is read; peaks between two flushes last longer.
	sampleInterval = 250 * time.Millisecond
)

// result is what the program prints.
type result struct {
	Messages      int64            `json:"messages"`
	Seconds       float64          `json:"seconds"`
	OpsPerS       float64          `json:"ops_per_s"`
	RssAnonMaxMB  map[string]int64 `json:"rss_anon_max_mb"`
	RssAnonEndMB  map[string]int64 `json:"rss_anon_end_mb"`
	StoreMB       map[string]int64 `json:"store_mb"`
	LogMB         map[string]int64 `json:"log_mb"`
	RestartMS     map[string]int64 `json:"restart_kill9_to_serving_ms"`
	RestartStopMS map[string]int64 `json:"restart_stopped_to_serving_ms"`
}

func main() {
	messages := flag.Int64("messages", 1_000_000, "how many messages to store")
	callers := flag.Int("callers", 128, "concurrent senders")
	binary := flag.String("binary", "", "the parley to run; built from this checkout when empty")
	dir := flag.String("dir", "", "where to keep the nodes' data; a temporary directory when empty")
	flag.Parse()
	t := cluster.NewProgram("soak", "")
	defer t.End()
	*binary = t.Build(*binary)
	c := cluster.Start(t, cluster.Options{Binary: *binary, Nodes: 3, Dir: *dir})
	r := result{Messages: *messages}
	mem := watchMemory(t, c)
	r.Seconds = write(t, c, *messages, *callers)
	r.OpsPerS = float64(*messages) / r.Seconds
	r.RssAnonMaxMB, r.RssAnonEndMB = mem.stop()
	load.VerifyHashes(t, c)
	r.StoreMB, r.LogMB = fileMB(t, c, "store.db"), fileMB(t, c, "raft")
	r.RestartMS, r.RestartStopMS = map[string]int64{}, map[string]int64{}
	for _, n := range c.Nodes {
		n.Kill()
		r.RestartMS[n.Name] = restart(c, n).Milliseconds()
		n.Terminate()
		r.RestartStopMS[n.Name] = restart(c, n).Milliseconds()
	}
	load.VerifyHashes(t, c)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		t.Fatalf("%v", err)
	}
}

func restart(c *cluster.Cluster, n *cluster.Node) time.Duration {
	from := time.Now()
	n.Start()
	c.AwaitServing(n)
	return time.Since(from)
}

// write sends the messages and returns how many seconds that took.
func write(t *cluster.Program, c *cluster.Cluster, messages int64, callers int) float64 {
	clients := make([]*client.Client, accounts)
	for i := range clients {
		clients[i] = load.Account(t, c.Addresses(i), fmt.Sprintf("soak%d", i))
	}
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(messages)
	from := time.Now()
	for i := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			cl, to := clients[i%accounts], fmt.Sprintf("@soak%d", (i+1)%accounts)
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
				_, err := cl.SendMessage(ctx, &parleyv1.SendMessageRequest{
					Conversation: to, Text: fmt.Sprintf("message %d: the quick brown fox jumps over the lazy dog, and comes back", n),
				})
				cancel()
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				if n%100_000 == 0 {
					t.Logf("%d left", n)
				}
			}
		}()
	}
	wg.Wait()
	return time.Since(from).Seconds()
}

func fileMB(t *cluster.Program, c *cluster.Cluster, name string) map[string]int64 {
	sizes := map[string]int64{}
	for _, n := range c.Nodes {
		var size int64
		err := filepath.WalkDir(filepath.Join(n.Dir, name), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		sizes[n.Name] = size >> 20
	}
	return sizes
}
