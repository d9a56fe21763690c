package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/tui"
	"parley/tui/common"
)

// settleFor is how long `parley status` waits for an answer before it says what it sees: a refused connection is known at
// once, a node that hangs after the client's own connection timeout.
const settleFor = 3 * time.Second

// linkJSON is part of the contract with scripts: the client's view, not a node's.
type linkJSON struct {
	State   string       `json:"state"`
	Node    string       `json:"node"`
	Address string       `json:"address"`
	Leader  *string      `json:"leader"`
	Term    uint64       `json:"term"`
	Up      int          `json:"up"`
	Voters  int          `json:"voters"`
	RTTMS   *float64     `json:"rtt_ms,omitempty"`
	Error   string       `json:"error,omitempty"`
	Members []linkMember `json:"members"`
}

type linkMember struct {
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	Reachable bool     `json:"reachable"`
	RTTMS     *float64 `json:"rtt_ms,omitempty"`
}

func newStatus(a *app) *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the connection as this client sees it, in the words of the status bar; fails unless messages go out",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			if watch {
				return a.watchLink(cmd.Context(), c)
			}
			l := settledLink(cmd.Context(), c)
			if err := a.printLink(l, c.RoundTrips(cmd.Context())); err != nil {
				return err
			}
			if !l.State().Sends() {
				return &failure{code: exitUnavailable, message: "messages do not go out now", hint: l.State().Meaning()}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "print a line for every change until interrupted")
	return c
}

// settledLink waits until the state is one that lasts, or for settleFor.
func settledLink(ctx context.Context, c *client.Client) common.Link {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	l := tui.LinkOf(c.State())
	for states := c.States(); ; {
		if _, voters := l.Up(); l.State() == common.StateReady && voters > 0 && l.Leader != "" {
			return l
		}
		select {
		case s, ok := <-states:
			if !ok {
				return l
			}
			l = tui.LinkOf(s)
		case <-ctx.Done():
			return l
		}
	}
}

// watchLink prints a line for each change, without what changes with the clock alone.
func (a *app) watchLink(ctx context.Context, c *client.Client) error {
	states, last := c.States(), ""
	for {
		select {
		case s, ok := <-states:
			if !ok {
				return nil
			}
			l := tui.LinkOf(s)
			line := l.State().String() + "  " + l.Brief()
			if line == last {
				continue
			}
			last = line
			if err := a.printChange(l, line); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) printChange(l common.Link, line string) error {
	if a.json() {
		return a.printJSON(toLinkJSON(l, nil))
	}
	return a.printf("%s %s\n", time.Now().Format("15:04:05"), line)
}

func (a *app) printLink(l common.Link, trips []client.RoundTrip) error {
	j := toLinkJSON(l, trips)
	if a.json() {
		return a.printJSON(j)
	}
	text := fmt.Sprintf("%s  %s\n%s\n", l.Word(), l.Detail(time.Now()), l.State().Meaning())
	for _, m := range j.Members {
		note := "down"
		switch {
		case m.RTTMS != nil:
			note = fmt.Sprintf("up, %.1f ms", *m.RTTMS)
		case m.Reachable:
			note = "up"
		}
		text += fmt.Sprintf("  %-8s %-22s %s\n", sanitizeLine(m.Name), sanitizeLine(m.Address), note)
	}
	return a.printf("%s", text)
}

func toLinkJSON(l common.Link, trips []client.RoundTrip) linkJSON {
	up, voters := l.Up()
	j := linkJSON{State: l.State().String(), Node: l.Node, Address: l.Address, Term: l.Term, Up: up, Voters: voters, Error: l.Err,
		Members: []linkMember{}}
	if l.Leader != "" {
		j.Leader = &l.Leader
	}
	for _, m := range l.Members {
		out := linkMember{Name: m.Name, Address: m.Address, Reachable: m.Reachable}
		for _, t := range trips {
			if ms := float64(t.Took.Microseconds()) / 1000; t.Node == m.Name || t.Address == m.Address {
				out.RTTMS = &ms
			}
		}
		if m.Name == l.Node {
			j.RTTMS = out.RTTMS
		}
		j.Members = append(j.Members, out)
	}
	return j
}
