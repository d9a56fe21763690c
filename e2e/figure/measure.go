package figure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stopWait is how long a program may take to stop its servers after an interrupt.
const stopWait = 10 * time.Second

// Measure runs a program that prints one JSON object for each measurement, and reads what it printed, also before it failed. An
// end of ctx interrupts it and does not kill it, so that it stops what it started.
func Measure[T any](ctx context.Context, program string, args ...string) ([]T, error) {
	name := filepath.Base(program) + " " + strings.Join(args, " ")
	fmt.Fprintln(os.Stderr, name)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWait
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	// No variable of the caller's may make the load generator use another cluster.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "PARLEY_") })
	failed := cmd.Run()
	results, err := Decode[T](&out)
	if err := errors.Join(failed, err); err != nil {
		return results, fmt.Errorf("%s: %w", name, err)
	}
	return results, nil
}

// Decode reads JSON objects, one after another.
func Decode[T any](from io.Reader) ([]T, error) {
	var all []T
	for d := json.NewDecoder(from); ; {
		var v T
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
}
