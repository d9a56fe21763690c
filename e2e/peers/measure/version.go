package measure

import (
	"runtime/debug"
	"strings"
)

// ModuleVersion is that of a module the program was built with, or "unknown".
func ModuleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, d := range info.Deps {
		if d.Path == path {
			return strings.TrimPrefix(d.Version, "v")
		}
	}
	return "unknown"
}
