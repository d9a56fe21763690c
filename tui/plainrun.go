package tui

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"parley/tui/cache"
	"parley/tui/common"
	lines "parley/tui/plain"
)

// WantsPlain reports whether a terminal of this TERM has no screen to draw on, so that lines are what works there.
func WantsPlain(name string, in, out *os.File) bool {
	return checkTerminal(name, term.IsTerminal(int(in.Fd())), term.IsTerminal(int(out.Fd()))) != nil
}

// RunPlain is Run without a screen: a line for each event, on out; what is typed or piped is read from in. patience is how long
// messages may still wait after the end of a pipe.
func RunPlain(ctx context.Context, o Options, in, out *os.File, patience time.Duration) error {
	con, err := lines.Open(in, out, os.Getenv("TERM"))
	if err != nil {
		return err
	}
	defer con.Close()
	return runPlain(ctx, con, live{o.Client}, o, patience)
}

// runPlain is RunPlain on any backend and console.
func runPlain(ctx context.Context, con lines.Console, be common.Backend, o Options, patience time.Duration) error {
	var open func(string) (common.Store, error)
	if o.StateDir != "" {
		open = func(user string) (common.Store, error) {
			store, err := cache.Open(filepath.Join(o.StateDir, "cache"), user, time.Now())
			if err != nil {
				return nil, err
			}
			return store, nil
		}
	}
	return lines.Run(ctx, con, lines.Options{
		OpenStore: open,
		Backend:   be, Settings: common.DefaultSettings(), User: o.User, Open: o.Open, Version: o.Version, Patience: patience,
		Forget: o.ForgetSession, Now: time.Now, Zone: time.Local,
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
	})
}
