package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"parley/e2e/cluster"
)

const (
	// childVariable holds the job of a child process; it is how a child knows that it is one.
	childVariable = "PARLEY_DAMAGE_CHILD"
	// hangTimeout is how long one trial may take; the machine may be busy.
	hangTimeout = time.Minute
	// stderrTail is how much of a dead child's last words are kept.
	stderrTail = 4 << 10
)

// job is a run of trials of one kind.
type job struct {
	Dir, Work     string
	Subject, Harm int
	Seed          uint64
	From, To      uint64
}

// verdict is a child's line about one trial.
type verdict struct {
	N       uint64
	Outcome outcome
	What    string
}

// runChild does a child's job and says whether this process is a child.
func runChild() bool {
	text := os.Getenv(childVariable)
	if text == "" {
		return false
	}
	if err := child(text, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func child(text string, w io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	b, err := newBench(reference{j.Dir}, j.Work)
	if err != nil {
		return fmt.Errorf("the undamaged files: %w", err)
	}
	out := json.NewEncoder(w)
	for n := j.From; n < j.To; n++ {
		v := verdict{N: n}
		v.Outcome, v.What = b.trial(subjects[j.Subject], harms[j.Harm], j.Seed, n)
		if err := out.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// runJob has children do a job, one after the other: one that dies or hangs has had its last trial, and the next goes on
// after it.
func runJob(t cluster.TB, j job, took func(verdict)) {
	for j.From < j.To {
		next, words, err := spawn(j, took)
		if err == nil && next == j.To {
			return
		}
		if err == nil {
			err = errors.New("it ended early")
		}
		if next == j.From && strings.Contains(words, "the undamaged files") {
			t.Fatalf("%s", words)
		}
		took(verdict{N: next, Outcome: crash, What: fmt.Sprintf("%v: %s", err, words)})
		j.From = next + 1
	}
}

// spawn runs one child. It returns the first trial without a verdict, and what the child said last if it died.
func spawn(j job, took func(verdict)) (next uint64, words string, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return j.From, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return j.From, "", err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return j.From, "", err
	}
	if err := cmd.Start(); err != nil {
		return j.From, "", err
	}
	hang := time.AfterFunc(hangTimeout, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // it tells its stacks and ends
	defer hang.Stop()
	next = j.From
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			break // whatever a dying process prints
		}
		hang.Reset(hangTimeout)
		took(v)
		next = v.N + 1
	}
	err = cmd.Wait()
	words = stderr.String()
	return next, words[:min(len(words), stderrTail)], err
}
