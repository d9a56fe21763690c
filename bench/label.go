package bench

import (
	"strconv"
	"strings"
	"time"
)

// label is what a message says of itself: of which run and measurement it is, which caller's how-manieth operation, when that
// was to begin and when it began.
type label struct {
	measurement, caller, op int
	intended, began         time.Time
}

// text writes it as "run measurement caller op intended lag padding": times in nanoseconds since the bench began, lag from the
// intended to the real beginning.
func (b *Bench) text(l label) string {
	buf := make([]byte, 0, max(b.o.Size, MinSize))
	buf = append(buf, b.run...)
	for _, n := range [...]int64{
		int64(l.measurement), int64(l.caller), int64(l.op), int64(l.intended.Sub(b.began)), int64(l.began.Sub(l.intended)),
	} {
		buf = append(buf, ' ')
		buf = strconv.AppendInt(buf, n, 10)
	}
	buf = append(buf, ' ')
	for len(buf) < b.o.Size {
		buf = append(buf, padding[:min(len(padding), b.o.Size-len(buf))]...)
	}
	return string(buf)
}

// parse is the reverse; false for a message that is not of this run and measurement.
func (b *Bench) parse(text string, measurement int) (l label, ok bool) {
	rest, ok := strings.CutPrefix(text, b.run)
	if !ok {
		return l, false
	}
	var n [5]int64
	for i := range n {
		if len(rest) == 0 || rest[0] != ' ' {
			return l, false
		}
		end := strings.IndexByte(rest[1:], ' ')
		if end < 0 {
			return l, false
		}
		var err error
		if n[i], err = strconv.ParseInt(rest[1:1+end], 10, 64); err != nil {
			return l, false
		}
		rest = rest[1+end:]
	}
	l = label{measurement: int(n[0]), caller: int(n[1]), op: int(n[2]), intended: b.began.Add(time.Duration(n[3]))}
	l.began = l.intended.Add(time.Duration(n[4]))
	return l, l.measurement == measurement && l.caller >= 0 && l.op >= 0
}

const padding = "the quick brown fox jumps over the lazy dog "
