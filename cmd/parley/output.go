package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// outputFormat is the value of -o.
type outputFormat string

const (
	outputTable outputFormat = "table"
	outputJSON  outputFormat = "json"
)

func (f *outputFormat) String() string { return string(*f) }
func (f *outputFormat) Type() string   { return "table|json" }

func (f *outputFormat) Set(s string) error {
	switch outputFormat(s) {
	case outputTable, outputJSON:
		*f = outputFormat(s)
		return nil
	}
	return fmt.Errorf("%q is neither table nor json", s)
}

func (a *app) json() bool { return a.flags.output == outputJSON }

// printJSON writes v as one line, in one write.
func (a *app) printJSON(v any) error {
	line, err := jsonLine(v)
	if err != nil {
		return err
	}
	_, err = a.out.Write(line)
	return err
}

// printf writes one piece of table output. Whatever others wrote must have been through sanitize.
func (a *app) printf(format string, args ...any) error {
	_, err := io.WriteString(a.out, fmt.Sprintf(format, args...))
	return err
}

// jsonLine marshals v and escapes what a terminal would act on: encoding/json leaves DEL, C1 controls and bidi marks.
func jsonLine(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	var line bytes.Buffer
	for _, r := range buf.String() {
		// Only strings can hold such a rune, and in a string the escape means the same.
		if r != '\n' && unsafeRune(r) {
			fmt.Fprintf(&line, `\u%04x`, r)
			continue
		}
		line.WriteRune(r)
	}
	return line.Bytes(), nil
}

// unsafeRune tells whether a terminal, or the reader of one, could be misled by r.
func unsafeRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == '\u2028' || r == '\u2029': // line and paragraph separators
		return true
	case unicode.Is(unicode.Bidi_Control, r):
		return true
	}
	return false
}

// sanitize replaces what a terminal would act on. Newline and tab stay: whoever prints them indents or joins.
func sanitize(s string) string {
	clean := true
	for _, r := range s {
		if (unsafeRune(r) && r != '\n' && r != '\t') || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unsafeRune(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// indentLines keeps a text of several lines from looking like several messages.
func indentLines(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") }

// rfc3339 is a time in UTC with milliseconds; empty when there is none.
func rfc3339(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// clockTime is a time for people, in their own zone.
func clockTime(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().In(time.Local).Format("2006-01-02 15:04:05")
}

// sanitizeLine is sanitize for what belongs on one line.
func sanitizeLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(sanitize(s))
}
