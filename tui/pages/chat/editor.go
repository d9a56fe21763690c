package chat

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/components/composer"
)

// editedMsg is the draft as the editor left it.
type editedMsg struct {
	conversation, text string
	err                error
}

// editor runs $VISUAL, $EDITOR or vi on a draft, in a file that nobody else can read and that is gone afterwards. It is a
// tea.ExecCommand: Run happens while the program has given the terminal away.
type editor struct {
	text     string
	in       io.Reader
	out, err io.Writer
}

func (e *editor) SetStdin(r io.Reader)  { e.in = r }
func (e *editor) SetStdout(w io.Writer) { e.out = w }
func (e *editor) SetStderr(w io.Writer) { e.err = w }

// Run edits the text; with an error it is as it was.
func (e *editor) Run() (err error) {
	dir, err := os.MkdirTemp("", "parley-draft-") // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "message.txt")
	if err := os.WriteFile(path, []byte(e.text), 0o600); err != nil {
		return err
	}
	program := "vi"
	for _, name := range []string{"EDITOR", "VISUAL"} {
		if s := strings.TrimSpace(os.Getenv(name)); s != "" {
			program = s
		}
	}
	c := exec.Command("sh", "-c", program+` "$1"`, "sh", path) // the variable may hold arguments: "code --wait"
	c.Stdin, c.Stdout, c.Stderr = e.in, e.out, e.err
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxEditedBytes+1))
	if err != nil {
		return err
	}
	if len(b) > maxEditedBytes {
		return fmt.Errorf("more than %d KiB were written; a message has room for %d bytes", maxEditedBytes>>10, composer.MaxBytes)
	}
	e.text = strings.TrimRight(string(b), "\n")
	return nil
}

// edit gives the draft to $EDITOR.
func (m *Model) edit() tea.Cmd {
	e := &editor{text: m.composer.Value()}
	name := ""
	if m.cur != nil {
		name = m.cur.name
	}
	return tea.Exec(e, func(err error) tea.Msg { return editedMsg{name, e.text, err} })
}

// onEdited takes the text over; it is sent with Enter, like any other draft.
func (m *Model) onEdited(msg editedMsg) {
	if msg.err != nil {
		m.fail("the draft is as it was: " + common.Line(msg.err.Error()))
		return
	}
	text := composer.Clean(msg.text)
	if len(text) > composer.MaxBytes {
		m.fail(fmt.Sprintf("too long by %d bytes: the limit is %d; ^X^E edits it again", len(text)-composer.MaxBytes, composer.MaxBytes))
	}
	if v := m.conversations[msg.conversation]; v != nil && v != m.cur { // another one was opened meanwhile
		v.draft = text
		return
	}
	m.composer.Replace(text)
}
