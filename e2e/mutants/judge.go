package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// judge runs what must notice a mutant, with the overlay that makes it.
type judge interface {
	// judge says whether it noticed, how (in a few words), and its first complaint.
	judge(ctx context.Context, dir, overlay string) (noticed bool, how, why string, err error)
	String() string
}

// simulator lives through seeds until one is red; from several starting points, so that luck is told from skill.
type simulator struct{}

const (
	// trials is from how many starting points.
	trials = 7
	// maxSeeds is how many seeds of a minute one trial has.
	maxSeeds = 300
)

func (simulator) String() string { return "the simulator" }

func (simulator) judge(ctx context.Context, dir, overlay string) (noticed bool, how, why string, err error) {
	binary := filepath.Join(dir, "simulate")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay="+overlay, "-o", binary, "./e2e/simulate")
	if out, err := build.CombinedOutput(); err != nil {
		return false, "", "", fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	var seeds []int
	for trial := range trials {
		out, err := exec.CommandContext(ctx, binary, "--worker", "--first", fmt.Sprint(1+10_000*trial), "--seeds",
			fmt.Sprint(maxSeeds)).Output()
		var r struct {
			Seeds            int
			Violation, Error string
		}
		if jerr := json.Unmarshal(out, &r); jerr != nil || r.Error != "" {
			return false, "", "", fmt.Errorf("%w: %v %s", errors.Join(err, jerr), r.Error, out)
		}
		if r.Violation == "" {
			return false, fmt.Sprintf("%d seeds stayed green", r.Seeds), "", nil
		}
		if seeds = append(seeds, r.Seeds); why == "" {
			why, _, _ = strings.Cut(r.Violation, "\n")
		}
	}
	slices.Sort(seeds)
	return true, fmt.Sprintf("median %d seeds of a minute, most %d", seeds[trials/2], seeds[trials-1]), why, nil
}

// tests runs some tests of a package.
type tests struct{ pkg, pattern string }

func (t tests) String() string { return "go test " + t.pkg + " -run '" + t.pattern + "'" }

func (t tests) judge(ctx context.Context, _, overlay string) (noticed bool, how, why string, err error) {
	cmd := exec.CommandContext(ctx, "go", "test", t.pkg, "-count=1", "-run", t.pattern)
	// A scenario builds the binary by itself, so the overlay has to reach that build too.
	cmd.Env = append(os.Environ(), strings.TrimSpace("GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, "stayed green", "", nil
	case !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL"):
		return false, "", "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return true, "red", complaint(string(out)), nil
}

// complaints tells a scenario's complaint from the figures that it logs as well.
var complaints = regexp.MustCompile(`\.go:\d+: .*(want|lost|stands after|waited|is there \d+ times|was not|wrong|WRONG|undetected|differ)`)

// complaint is the first line in which the scenario says what is wrong.
func complaint(out string) string {
	for line := range strings.Lines(out) {
		if complaints.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return "it failed"
}
