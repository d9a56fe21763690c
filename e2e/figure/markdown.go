package figure

import (
	"fmt"
	"os"
	"strings"
)

// Between replaces what stands between the markers of a name in a file: <!-- NAME: begin … --> and <!-- NAME: end -->, each on
// a line of its own. A file without them is an error and is left alone.
func Between(file, name, content string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err := between(string(old), name, content)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

func between(text, name, content string) (string, error) {
	begin, end := "<!-- "+name+": begin", "<!-- "+name+": end -->"
	i := strings.Index(text, begin)
	if i < 0 {
		return "", fmt.Errorf("no line %q", begin)
	}
	lineEnd := strings.IndexByte(text[i:], '\n')
	j := strings.Index(text, end)
	if lineEnd < 0 || j < i+lineEnd {
		return "", fmt.Errorf("no line %q after %q", end, begin)
	}
	return text[:i+lineEnd+1] + strings.TrimRight(content, "\n") + "\n" + text[j:], nil
}

// Table is a Markdown table.
func Table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}
