package main

import (
	"fmt"
	"io"
	"strings"

	"parley/proto/parleyv1"
)

// writeJSONL writes a message as a line of read -o json.
func writeJSONL(w io.Writer, m *parleyv1.Message) error {
	line, err := jsonLine(toMessageJSON(m, nil))
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

// markdown writes messages as a document: a heading for each day, in UTC, so that the same export is the same file
// everywhere. A text is quoted, and so cannot break what is around it.
type markdown struct {
	name string
	day  string
}

func (d *markdown) write(w io.Writer, m *parleyv1.Message) error {
	var b strings.Builder
	if d.day == "" {
		fmt.Fprintf(&b, "# %s\n", sanitizeLine(d.name))
	}
	at := m.GetTime().AsTime().UTC()
	if day := at.Format("2006-01-02"); day != d.day {
		d.day = day
		fmt.Fprintf(&b, "\n## %s\n", day)
	}
	fmt.Fprintf(&b, "\n**%s** %s, message %d", markdownName(m.GetSender()), at.Format("15:04:05"), m.GetId())
	if notes := messageNotes(m); len(notes) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(notes, ", "))
	}
	text := sanitize(m.GetText())
	if m.GetDeleted() {
		text = "*(deleted)*"
	}
	fmt.Fprintf(&b, "\n\n> %s\n", strings.ReplaceAll(text, "\n", "\n> "))
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownName is a user name, of whose characters only _ means something in Markdown.
func markdownName(s string) string { return strings.ReplaceAll(sanitizeLine(s), "_", `\_`) }
