// Command mutants tests the tests: it breaks a promise of the product on purpose, one at a time, and runs the scenario that
// must notice. A scenario that stays green on a broken product is worth nothing.
//
//	task mutants               or: go run ./e2e/mutants -run NAME
//
// It is a program and no test: it compiles the product once for each mutant. The working tree is never touched; the mutants
// live in a build overlay.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// timeout bounds the run of one scenario, builds included.
const timeout = 10 * time.Minute

// mutant is one break.
type mutant struct {
	name string
	// breaks is the promise that no longer holds.
	breaks string
	file   string
	// edits are pairs: the first is replaced by the second, and must be in the file exactly once.
	edits [][2]string
	// scenario is the -run pattern of what must go red.
	scenario string
}

var mutants = []mutant{
	{
		name: "dedup-off", breaks: "a retried request takes effect once (P2)",
		file:     "store/dedup.go",
		edits:    [][2]string{{"if a != nil {\n\t\t\tif !bytes.Equal", "if a != nil && m == nil {\n\t\t\tif !bytes.Equal"}},
		scenario: "^TestSeed$/^exactly_once$",
	},
	{
		name: "dedup-off-under-kills", breaks: "a retried request takes effect once (P2)",
		file:     "store/dedup.go",
		edits:    [][2]string{{"if a != nil {\n\t\t\tif !bytes.Equal", "if a != nil && m == nil {\n\t\t\tif !bytes.Equal"}},
		scenario: "^TestKillLeader$",
	},
	{
		name: "ack-before-disk", breaks: "an acknowledged write is on disk on a majority (P1)",
		file:     "raftlog/append.go",
		edits:    [][2]string{{"tx := &Tx{Log: l.enc.records}", "tx := &Tx{}"}},
		scenario: "^TestKillAll$",
	},
	{
		name: "push-by-polling", breaks: "delivery is pushed by Apply, no timer drives it (P4)",
		file: "store/watch.go",
		edits: [][2]string{
			{"case <-w.wake:", "case <-time.After(FlushInterval):"},
			{"\t\"sync\"\n", "\t\"sync\"\n\t\"time\"\n"},
		},
		scenario: "^TestDeliveryWithoutTimers$",
	},
	{
		name: "stale-reads", breaks: "reads are linearizable on every node (P3)",
		file: "node/node.go",
		edits: [][2]string{{
			"func (n *Node) ReadBarrier(ctx context.Context) error {\n",
			"func (n *Node) ReadBarrier(ctx context.Context) error {\n\tif ctx != nil {\n\t\treturn nil\n\t}\n",
		}},
		scenario: "^TestReadAfterWrite$",
	},
	{
		name: "identity-unchecked", breaks: "a copied-back directory is refused (P1)",
		file: "node/peer/identity.go",
		edits: [][2]string{{
			"func (t *Transport) accept(id *internalv1.Identity) *Refusal {\n",
			"func (t *Transport) accept(id *internalv1.Identity) *Refusal {\n\tif id != nil {\n\t\treturn nil\n\t}\n",
		}},
		scenario: "^TestCopiedBackDirectory$",
	},
}

func main() {
	run := flag.String("run", "", "only mutants whose name matches this regular expression")
	flag.Parse()
	only, err := regexp.Compile(*run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	survived := 0
	for _, m := range mutants {
		if !only.MatchString(m.name) {
			continue
		}
		noticed, why, err := m.run()
		switch {
		case err != nil:
			survived++
			fmt.Printf("ERROR     %-22s %v\n", m.name, err)
		case !noticed:
			survived++
			fmt.Printf("SURVIVED  %-22s %s: %s stayed green\n", m.name, m.breaks, m.scenario)
		default:
			fmt.Printf("noticed   %-22s %s\n          by %s: %s\n", m.name, m.breaks, m.scenario, why)
		}
	}
	if survived > 0 {
		os.Exit(1)
	}
}

// run runs the scenario on the mutant; noticed says that it failed, and why is its first complaint.
func (m mutant) run() (noticed bool, why string, err error) {
	dir, err := os.MkdirTemp("", "parley-mutant-")
	if err != nil {
		return false, "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "./e2e", "-count=1", "-run", m.scenario)
	// The scenario builds the binary by itself, so the overlay has to reach that build too.
	cmd.Env = append(os.Environ(), strings.TrimSpace("GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, "", nil
	case !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL"):
		return false, "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return true, complaint(string(out)), nil
}

// overlay writes the broken file and the list that has the compiler take it.
func (m mutant) overlay(dir string) (string, error) {
	file, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := string(src)
	for _, e := range m.edits {
		if n := strings.Count(text, e[0]); n != 1 {
			return "", fmt.Errorf("%s holds %q %d times, want once: adapt the mutant", m.file, e[0], n)
		}
		text = strings.Replace(text, e[0], e[1], 1)
	}
	broken := filepath.Join(dir, "broken.go")
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: broken}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// complaints tells a scenario's complaint from the figures that it logs as well.
var complaints = regexp.MustCompile(`\.go:\d+: .*(want|lost|stands after|waited|is there \d+ times|was not)`)

// complaint is the first line in which the scenario says what is wrong.
func complaint(out string) string {
	for line := range strings.Lines(out) {
		if complaints.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return "it failed"
}
