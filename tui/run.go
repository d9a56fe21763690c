package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"
	"golang.org/x/term"

	"parley/api/client"
	"parley/tui/cache"
	"parley/tui/common"
	"parley/tui/keymap"
)

// Options say for whom and with what the client runs. Only Client is required.
type Options struct {
	Client  Client
	Servers []string // as configured; shown before the cluster has told its members
	User    string   // whose token the client has, or who is likely to log in
	Open    string   // the conversation to begin with: "@user" or "#room"
	Version string
	Demo    common.Demo // the cluster behind `parley demo`; nil otherwise
	// StateDir is where the outbox, drafts and histories are kept, in a file an account; empty keeps nothing.
	StateDir string

	// SaveSession keeps a token for the next run, ForgetSession removes it. Both may do file I/O.
	SaveSession   func(user string, token []byte) error
	ForgetSession func(user string) error

	// Settings and Keys are what is in force; nil is the defaults. SaveSetting and SaveKeys keep changes (see tui/config), nil
	// keeps none. Problems are shown: what was wrong with the files.
	Settings    *common.Settings
	Keys        *keymap.Map
	SaveSetting func(name, value string) error
	SaveKeys    func(changed map[string][]string) error
	Problems    []string
}

// ErrNoTerminal is returned when there is no screen to draw on.
var ErrNoTerminal = errors.New("the chat screen needs a terminal")

// Run shows the client until the person quits or ctx ends. It takes the terminal and gives it back.
func Run(ctx context.Context, o Options) error {
	if err := checkTerminal(os.Getenv("TERM"), term.IsTerminal(int(os.Stdin.Fd())), term.IsTerminal(int(os.Stdout.Fd()))); err != nil {
		return err
	}
	return run(ctx, live{o.Client}, o)
}

// checkTerminal refuses what can not show the screen, and names what works there.
func checkTerminal(name string, stdin, stdout bool) error {
	const instead = "use `parley read`, `parley tail` and `parley send` here"
	switch {
	case !stdin:
		return fmt.Errorf("%w: the input is not one; %s", ErrNoTerminal, instead)
	case !stdout:
		return fmt.Errorf("%w: the output is not one; %s", ErrNoTerminal, instead)
	case name == "dumb" || name == "" && runtime.GOOS != "windows":
		return fmt.Errorf("%w: TERM is %q; %s", ErrNoTerminal, name, instead)
	}
	return nil
}

// label is what the account's list of sessions calls this client; the contract allows 64 characters.
func label(host string) string {
	r := []rune(common.Line("parley chat on " + host))
	return string(r[:min(len(r), 64)])
}

// fps bounds the frames a second: twice the library's default halves how long a key waits for its frame.
const fps = 120

// run is Run on any backend, without the check.
func run(ctx context.Context, be common.Backend, o Options, opts ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	c := &common.Common{
		Backend: be, Keys: keymap.Default(), Settings: common.DefaultSettings(), Now: time.Now, Zone: time.Local,
		NewToken: client.NewToken, NewCode: client.NewInviteCode,
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Label: label(host), Servers: o.Servers, Version: o.Version, Demo: o.Demo,
		SaveSession: o.SaveSession, ForgetSession: o.ForgetSession,
		NonUTF8: !common.UTF8Locale(os.Getenv), NoLinks: os.Getenv("TERM") == "linux",
		SaveSetting: o.SaveSetting, SaveKeys: o.SaveKeys, Problems: o.Problems,
	}
	if o.Settings != nil {
		c.Settings = *o.Settings
	}
	if o.Keys != nil {
		c.Keys = *o.Keys
	}
	c.OpenURL = browser()
	if o.StateDir != "" {
		c.OpenStore = func(user string) (common.Store, error) {
			store, err := cache.Open(filepath.Join(o.StateDir, "cache"), user, c.Now())
			if err != nil {
				return nil, err
			}
			return store, nil
		}
	}
	a := newApp(ctx, c, o.User, o.Open)
	defer func() { a.page.Close() }()
	_, err = tea.NewProgram(a, append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithFPS(fps)}, opts...)...).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
