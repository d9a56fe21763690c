package api

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
)

// form checks the fields of one request and collects what is wrong, so that a caller hears all of it at once. Each
// method returns the field in the form in which it is used.
type form struct{ bad []violation }

func (f *form) err() error {
	if len(f.bad) == 0 {
		return nil
	}
	return invalid(f.bad...)
}

func (f *form) add(field, format string, args ...any) {
	f.bad = append(f.bad, violation{field, fmt.Sprintf(format, args...)})
}

func invalid(bad ...violation) *failure {
	parts := make([]string, len(bad))
	for i, v := range bad {
		parts[i] = v.field + " " + v.message
	}
	return &failure{code: codes.InvalidArgument, reason: reasonInvalidField, fields: bad,
		message: strings.Join(parts, "; ")}
}

// requestID takes any UUID and returns its 16 bytes.
func (f *form) requestID(v string) []byte {
	id, err := uuid.Parse(v)
	if err != nil || id == uuid.Nil {
		f.add("request_id", "must be a UUID, version 7 at best, made anew for each request and kept for its retries")
		return nil
	}
	return id[:]
}

// username folds A-Z and takes nothing that could be mistaken for another name.
func (f *form) username(field, v string) string {
	name := foldName(v)
	if !nameOK(name) {
		f.add(field, "must be 1 to %d characters of a-z, 0-9, '.', '_', '-'", maxUsernameChars)
		return ""
	}
	return name
}

// conversation is "@user" or "#room".
func (f *form) conversation(field, v string) string {
	name := foldName(v)
	if len(name) < 2 || (name[0] != '@' && name[0] != '#') || !nameOK(name[1:]) {
		f.add(field, "must be @user or #room, a name of 1 to %d characters of a-z, 0-9, '.', '_', '-'", maxUsernameChars)
		return ""
	}
	return name
}

// foldName folds ASCII only: no locale, no look-alikes.
func foldName(v string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, v)
}

func nameOK(s string) bool {
	if s == "" || len(s) > maxUsernameChars {
		return false
	}
	for _, c := range []byte(s) {
		if !(('a' <= c && c <= 'z') || ('0' <= c && c <= '9') || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// text is a message: any UTF-8 but what could act on a terminal or reorder what a reader sees.
func (f *form) text(field, v string) string {
	switch {
	case v == "":
		f.add(field, "must not be empty")
	case len(v) > maxTextBytes:
		f.add(field, "must be at most %d bytes, is %d", maxTextBytes, len(v))
	default:
		f.printable(field, v, true)
	}
	return v
}

// label is one line for people: a display name, a client's name. Empty is allowed.
func (f *form) label(field, v string, maxChars int) string {
	v = strings.TrimSpace(v)
	if len(v) > utf8.UTFMax*maxChars || utf8.RuneCountInString(v) > maxChars {
		f.add(field, "must be at most %d characters", maxChars)
		return ""
	}
	f.printable(field, v, false)
	return v
}

func (f *form) printable(field, v string, lines bool) {
	plain := 0 // most text is nothing else, and then it is looked at once
	for plain < len(v) && (' ' <= v[plain] && v[plain] <= '~' || lines && (v[plain] == '\n' || v[plain] == '\t')) {
		plain++
	}
	if v = v[plain:]; v == "" {
		return
	}
	if !utf8.ValidString(v) {
		f.add(field, "must be UTF-8")
		return
	}
	for _, r := range v {
		if (lines && (r == '\n' || r == '\t')) || !forbiddenRune(r) {
			continue
		}
		f.add(field, "must not contain the control character U+%04X", r)
		return
	}
}

// forbiddenRune tells C0, DEL, C1, the line separators and the characters that turn the direction of writing. It is a
// superset of what Apply refuses.
func forbiddenRune(r rune) bool {
	switch {
	case r < 0x20, 0x7F <= r && r <= 0x9F:
		return true
	case r == 0x2028, r == 0x2029, r == 0x061C, r == 0x200E, r == 0x200F:
		return true
	case 0x202A <= r && r <= 0x202E, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

// newPassword is one to be set; oldPassword is one to be checked, whose rules may have been others once.
func (f *form) newPassword(field, v string) {
	if len(v) < minPasswordBytes || len(v) > maxPasswordBytes {
		f.add(field, "must be %d to %d bytes long", minPasswordBytes, maxPasswordBytes)
	}
}

func (f *form) oldPassword(field, v string) {
	if v == "" || len(v) > maxPasswordBytes {
		f.add(field, "must be 1 to %d bytes long", maxPasswordBytes)
	}
}

func (f *form) token(field string, v []byte) {
	if len(v) != tokenBytes {
		f.add(field, "must be %d random bytes", tokenBytes)
	}
}

// page is a size with a default; more than the most is refused rather than cut, so that nobody believes to have seen
// all.
func (f *form) page(field string, v uint32, def int) int {
	switch {
	case v == 0:
		return def
	case v > maxPage:
		f.add(field, "must be at most %d", maxPage)
		return def
	}
	return int(v)
}

// pattern is a glob over names of users or rooms.
func (f *form) pattern(field, v string) string {
	v = foldName(v)
	if v == "" {
		return "*"
	}
	if len(v) > maxPatternBytes {
		f.add(field, "must be at most %d bytes", maxPatternBytes)
		return ""
	}
	escaped := false
	for _, c := range []byte(v) {
		if c < 0x20 || c > 0x7E {
			f.add(field, "must be plain ASCII: names have nothing else")
			return ""
		}
		escaped = c == '\\' && !escaped
	}
	if escaped {
		f.add(field, `must not end in a single \; write \\ for a backslash`)
	}
	return v
}

// opaque is something that we gave out ourselves: a page token, a cursor, a session id.
func (f *form) opaque(field, v string, maxBytes int) string {
	if len(v) > maxBytes {
		f.add(field, "is not one that this service gave out")
		return ""
	}
	for _, c := range []byte(v) {
		if c < 0x21 || c > 0x7E {
			f.add(field, "is not one that this service gave out")
			return ""
		}
	}
	return v
}
