package figure

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Where is a sentence that says on what and of which commit a figure was taken, and when.
func Where() string {
	return fmt.Sprintf("%s; %s; commit %s; %s.", machine(), runtime.Version(), commit(), time.Now().UTC().Format("2 January 2006"))
}

// machine is the processor, the memory and the kernel, as far as the system says.
func machine() string {
	s := fmt.Sprintf("%d cores", runtime.NumCPU())
	if m := field("/proc/cpuinfo", "model name"); m != "" {
		s += " (" + m + ")"
	}
	var kb int64
	if n, _ := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kb); n == 1 {
		s += fmt.Sprintf(", %.0f GiB", float64(kb)/(1<<20))
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		s += ", Linux " + strings.TrimSpace(string(b))
	} else {
		s += ", " + runtime.GOOS
	}
	return s
}

// field is what stands behind "name:" in the first such line of a file, or nothing.
func field(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		k, v, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// commit says "with changes" when the checkout differs from it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	c := strings.TrimSpace(string(out))
	if st, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", "*.go", "go.mod").Output(); err == nil && len(st) > 0 {
		c += " with changes"
	}
	return c
}
