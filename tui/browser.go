package tui

import (
	"os"
	"os/exec"
	"runtime"
)

// browser is how this machine opens a link, or nil where it has no desktop: over ssh a browser would open for nobody.
func browser() func(link string) error {
	program := ""
	switch {
	case os.Getenv("BROWSER") != "":
		program = os.Getenv("BROWSER")
	case runtime.GOOS == "darwin":
		program = "open"
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		program = "xdg-open"
	}
	if program == "" {
		return nil
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil
	}
	return func(link string) error {
		cmd := exec.Command(path, link) // no shell: the link is one argument, and it begins with http or mailto
		if err := cmd.Start(); err != nil {
			return err
		}
		go func() { _ = cmd.Wait() }() // owns nothing but the child's entry in the process table; ends with it
		return nil
	}
}
