package main

import (
	"fmt"
	"io"
	"os"

	"parley/e2e/cluster"
)

// maxComplaints bounds the bad outcomes that are told in full.
const maxComplaints = 20

// report counts the outcomes of a campaign.
type report struct {
	rows []row
}

type row struct {
	subject, harm string
	trials        int
	counts        map[outcome]int
}

// campaign runs so many trials of each kind.
func campaign(t cluster.TB, binary string, seed uint64, each int) *report {
	t.Helper()
	ref := makeFiles(t, binary)
	work := t.TempDir()
	if dir, err := os.MkdirTemp("/dev/shm", "parley-damage-"); err == nil { // thousands of files: no disk needs to see them
		t.Cleanup(func() { os.RemoveAll(dir) })
		work = dir
	}
	r := &report{}
	told := 0
	for s := range subjects {
		for h := range harms {
			row := row{subject: subjects[s].name, harm: harms[h].name, counts: map[outcome]int{}}
			j := job{Dir: ref.dir, Work: work, Subject: s, Harm: h, Seed: seed + uint64(s*len(harms)+h), To: uint64(each)}
			runJob(t, j, func(v verdict) {
				row.trials++
				row.counts[v.Outcome]++
				if v.Outcome.bad() && told < maxComplaints {
					told++
					t.Errorf("%s, %s, trial %d: %s: %s", row.subject, row.harm, v.N, v.Outcome, v.What)
				}
			})
			r.rows = append(r.rows, row)
		}
	}
	return r
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%-16s %-14s %7s", "file", "damage", "trials")
	for _, o := range outcomes {
		fmt.Fprintf(w, " %9s", o)
	}
	fmt.Fprintln(w)
	for _, row := range r.rows {
		fmt.Fprintf(w, "%-16s %-14s %7d", row.subject, row.harm, row.trials)
		for _, o := range outcomes {
			fmt.Fprintf(w, " %9d", row.counts[o])
		}
		fmt.Fprintln(w)
	}
}
