// Command damage damages the files of nodes in every way that it can think of and sees what becomes of it.
//
//	task damage                or: go run ./e2e/damage -each 1000 -rounds 12 -seed 7
//
// A short run of a real cluster, with sessions, messages and deletions, leaves the files: the log and store.db as a kill -9
// left them, and a store file as it travels to another node. Then a campaign for each kind of file and of damage (a flipped
// bit, a zeroed sector of 512 bytes, a truncation) opens a damaged copy as a node would, reads it, writes to it, and compares
// it with the undamaged one. Each trial runs in a child process, so that a fault that nobody can recover is counted as what
// it is. The outcomes:
//
//	refused   a damage error that names the file and the page or key; the file was left as it was
//	healed    the log was damaged below what the store holds, and continues after it
//	late      only for stores too large to be verified before they are opened: a read was refused, or the scrub found it
//	harmless  nothing that anybody reads was hit: all records are equal to the undamaged file's
//	WRONG     anything else that was read. Must be 0
//	CRASH     the process died or hung. Must be 0
//	UNCLEAR   an error that does not name the file and the place, or a file that was made anew or changed. Must be 0
//
// Then rounds with real processes: a node whose store.db was damaged must be healed by a peer, one whose log is damaged
// above what its store holds must never come back.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"time"

	"parley/e2e/cluster"
)

func main() {
	if runChild() {
		return
	}
	each := flag.Int("each", 1000, "how many trials of each kind of file and of damage")
	rounds := flag.Int("rounds", 12, "how many rounds with real processes")
	seed := flag.Uint64("seed", 0, "which damage; 0 draws one")
	binary := flag.String("binary", "", "the parley to run; built from this checkout when empty")
	flag.Parse()
	*seed = cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t := cluster.NewProgram("damage", fmt.Sprintf("go run ./e2e/damage -each %d -rounds %d -seed %d", *each, *rounds, *seed))
	defer t.End()
	t.Logf("replay: %s", t.Replay())
	began := time.Now()
	bin := t.Build(*binary)
	r := campaign(t, bin, *seed, *each)
	p := processes(t, bin, *seed, *rounds)
	r.print(os.Stdout)
	p.print(os.Stdout)
	fmt.Printf("\nseed %d, %s\n", *seed, time.Since(began).Round(time.Second))
}
