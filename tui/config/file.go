package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"parley/internal/syncfile"
)

// file is one file, taken apart.
type file struct {
	path    string
	data    []byte
	entries []entry
	table   int // where the first table begins, the end of data without one
}

// entry is one key with its value, as far as it stands above the first table.
type entry struct {
	key      string
	line     int
	from, to int // bytes of "key = value"
	value    any
}

// read takes a file apart. A missing file is an empty one. The error names the line.
func read(path string) (*file, []string, error) {
	f := &file{path: path}
	r, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil, nil
	case err != nil:
		return f, nil, err
	}
	defer r.Close()
	if f.data, err = io.ReadAll(io.LimitReader(r, maxFileBytes+1)); err != nil {
		return f, nil, err
	}
	if len(f.data) > maxFileBytes {
		return f, nil, fmt.Errorf("%s is larger than %d KiB", filepath.Base(path), maxFileBytes>>10)
	}
	problems, err := f.parse()
	return f, problems, err
}

func (f *file) parse() (problems []string, err error) {
	name := filepath.Base(f.path)
	values := map[string]any{}
	if err := toml.Unmarshal(f.data, &values); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return nil, fmt.Errorf("%s line %d: %s", name, line, at.Error())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.table = len(f.data)
	var p unstable.Parser
	p.Reset(f.data)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.KeyValue { // of a table only the name is read: everything below belongs to it
			k := e.Key()
			k.Next()
			from := int(k.Node().Raw.Offset)
			f.table = bytes.LastIndexByte(f.data[:from], '\n') + 1
			problems = append(problems, fmt.Sprintf("%s line %d: a table [%s] means nothing here", name, f.line(from), k.Node().Data))
			break
		}
		k := e.Key()
		k.Next()
		key := string(k.Node().Data)
		from := int(e.Raw.Offset)
		en := entry{key: key, line: f.line(int(k.Node().Raw.Offset)), from: from, to: from + int(e.Raw.Length), value: values[key]}
		if k.Next() {
			problems = append(problems, fmt.Sprintf("%s line %d: a dot in the name of %q means nothing here", name, en.line, key))
			continue
		}
		f.entries = append(f.entries, en)
	}
	return problems, p.Error()
}

// line is the number of the line of a byte, from 1.
func (f *file) line(at int) int { return bytes.Count(f.data[:at], []byte("\n")) + 1 }

// set changes the value of one key, given as TOML, and adds the key when it is not there.
func (f *file) set(key, value string) []byte {
	text := key + " = " + value
	for _, e := range f.entries {
		if e.key == key {
			return bytes.Join([][]byte{f.data[:e.from], f.data[e.to:]}, []byte(text))
		}
	}
	head := f.data[:f.table]
	if len(head) > 0 && head[len(head)-1] != '\n' {
		text = "\n" + text
	}
	return bytes.Join([][]byte{head, f.data[f.table:]}, []byte(text+"\n"))
}

// without takes one key out, with its line when nothing else is on it.
func (f *file) without(key string) []byte {
	for _, e := range f.entries {
		if e.key != key {
			continue
		}
		to := e.to
		if i := bytes.IndexByte(f.data[to:], '\n'); i >= 0 && len(bytes.TrimSpace(f.data[to:to+i])) == 0 {
			to += i + 1
		}
		return bytes.Join([][]byte{f.data[:e.from], f.data[to:]}, nil)
	}
	return f.data
}

// write replaces the file. A symbolic link stays one: people keep their settings under version control.
func (f *file) write(data []byte, header string) error {
	path := f.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if len(f.data) == 0 {
		data = append([]byte(header), data...)
	}
	return syncfile.Replace(path, data)
}

// quote writes a string as TOML: a basic string escapes what Go's quoting does not write the same way.
func quote(s string) string {
	var b bytes.Buffer
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00` + strconv.FormatInt(int64(r)+0x100, 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
