// Command powercut cuts the power of a cluster's machines, again and again, under load, and holds the cluster to what it
// acknowledged.
//
//	task powercut              or: go run ./e2e/powercut -cuts 60 -seed 7        (root, Linux)
//
// Each node's directory is an ext4 of its own on a loop device. A cut shuts the file system down without flushing its
// journal (FS_IOC_SHUTDOWN): what was written and not synced is gone, and a write under way fails. Then the process is
// ended, the file system is unmounted and mounted again, and the node is started. It is not a drive that loses power: what
// the file system gave to the loop device stays, so a drive that lies about its cache is not tested.
//
// The seed fixes the kinds of cuts and their order; their moment is the machine's. In a round of cuts writers keep a ledger
// of what was acknowledged; after it every node is held to it: nothing lost, nothing doubled, the same state hash.
//
// At the end a control runs the same cuts on a product that does not sync. It must lose data or fail to start; one that
// survives would mean that the cuts cut nothing.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"parley/e2e/cluster"
)

const (
	// cutsInRound is how many cuts one ledger lives through: after them all that it holds is read on every node.
	cutsInRound = 6
	// controlCuts bounds the control; the first has to be enough.
	controlCuts = 6
	// binaryVariable hands the binary to the process in the mount namespace.
	binaryVariable = "PARLEY_POWERCUT_BINARY"
)

func main() {
	cuts := flag.Int("cuts", 60, "how many cuts")
	seed := flag.Uint64("seed", 0, "which cuts; 0 draws one")
	control := flag.Bool("control", true, "run the control on a product that does not sync")
	binary := flag.String("binary", "", "the parley to run; built from this checkout when empty")
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t := cluster.NewProgram("powercut", fmt.Sprintf("go run ./e2e/powercut -cuts %d -seed %d", *cuts, *seed))
	defer t.End()
	*binary = t.Build(cmp.Or(*binary, os.Getenv(binaryVariable)))
	if inside, code, err := enter(binaryVariable + "=" + *binary); err != nil {
		t.Fatalf("%v", err)
	} else if !inside {
		if code != 0 {
			t.Errorf("exit %d", code)
		}
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	// Ends with the process: the mounts go with the mount namespace, the directory with End.
	go func() { t.Fatalf("%s", <-interrupted) }()
	t.Logf("replay: %s", t.Replay())
	r := &report{seed: *seed}
	began := time.Now()
	r.run(t, *binary, *cuts)
	if *control && !t.Failed() {
		r.control(t)
	}
	r.took = time.Since(began)
	r.print(os.Stdout)
}
