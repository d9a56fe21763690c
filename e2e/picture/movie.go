package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/tui/ptytest"
)

const (
	// frameEvery is how often the screen is looked at, keyEvery how fast a person types.
	frameEvery = 100 * time.Millisecond
	keyEvery   = 70 * time.Millisecond
	// sidebarEnd is where the sidebar's border ends: what scrolls is right of it.
	sidebarEnd = 21
)

// camera takes shots of the screen while things are done to it.
type camera struct {
	script
	shots []ptytest.Shot
}

// roll films for as long as said.
func (c *camera) roll(d time.Duration) {
	if c.err != nil {
		return
	}
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		shot := c.term.Shot(theme(), sidebarEnd)
		shot.For = frameEvery
		if n := len(c.shots); n > 0 && c.shots[n-1].Same(shot) {
			c.shots[n-1].For += frameEvery
			continue
		}
		c.shots = append(c.shots, shot)
	}
}

// write types as a person does.
func (c *camera) write(text string) {
	for _, r := range text {
		c.keys(string(r))
		c.roll(keyEvery)
	}
	c.roll(4 * frameEvery)
	c.keys(ptytest.Enter)
	c.roll(6 * frameEvery)
}

// movie shows the demo: two nodes are killed, the leader first, a message is written meanwhile, and they come back.
func movie(binary, dir, to string) error {
	term, err := open(binary, dir, movieWidth, movieHeight)
	if err != nil {
		return err
	}
	defer func() { _ = term.Close() }()
	c := &camera{script: script{term: term}}
	c.roll(time.Second)
	c.write("what if a machine dies?")
	c.roll(time.Second)
	c.keys(ptytest.F6)
	c.roll(time.Second)
	c.keys("0") // the leader
	c.roll(time.Second)
	c.write("still here")
	c.keys("/kill leader", ptytest.Enter)
	c.roll(time.Second)
	c.write("and with two of five gone as well")
	c.roll(time.Second)
	c.keys("/revive all", ptytest.Enter)
	c.roll(4 * time.Second)
	c.see("5 of 5 up")
	c.roll(2 * time.Second)
	c.keys(ptytest.CtrlQ)
	if c.err != nil {
		return c.err
	}
	<-term.Exited()
	svg := ptytest.Animation(theme(), c.shots)
	if len(svg) > maxMovieBytes {
		return fmt.Errorf("the picture that moves has %d bytes, want at most %d", len(svg), maxMovieBytes)
	}
	return os.WriteFile(filepath.Join(to, "demo.svg"), []byte(svg), 0o644)
}
