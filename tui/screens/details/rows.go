package details

import (
	"fmt"
	"strings"
	"time"

	"parley/proto/parleyv1"
	"parley/tui/common"
	"parley/tui/components/timeline"
)

// labelWidth is the column of the names of what is told.
const labelWidth = 15

// maxTextRows is how much of the text itself is repeated: the timeline shows all of it.
const maxTextRows = 6

// clockForm tells times to the millisecond: a delivery takes few.
const clockForm = "2006-01-02 15:04:05.000"

// rows is everything, one fact a row.
func (m *Model) rows() (out []string) {
	e := m.in.Entry
	st, ws := m.c.Styles, m.c.Widths
	text := e.Text
	if e.Deleted {
		text = "message deleted"
	}
	body := ws.Wrap(text, max(8, m.w-2))
	if len(body) > maxTextRows {
		body = append(body[:maxTextRows-1], "…")
	}
	for _, r := range body {
		out = append(out, " "+st.Text.Render(r))
	}
	out = append(out, "")
	out = append(out, m.state()...)
	out = append(out, m.fact("author", e.Author)...)
	out = append(out, m.ids()...)
	out = append(out, m.times()...)
	out = append(out, m.delivery()...)
	out = append(out, m.people()...)
	out = append(out, m.earlier()...)
	if m.err != "" {
		out = append(out, "", " "+st.Error.Render(ws.Truncate("✗ the cluster was asked for more: "+m.err, m.w-2)))
	}
	return out
}

// fact is a name and what there is to say, which goes on below in its column.
func (m *Model) fact(name, value string) (out []string) {
	st, ws := m.c.Styles, m.c.Widths
	for i, r := range ws.Wrap(value, max(8, m.w-labelWidth-2)) {
		if i > 0 {
			name = ""
		}
		out = append(out, " "+st.Dim.Render(ws.Pad(name, labelWidth))+r)
	}
	return out
}

func (m *Model) head(name string) []string {
	return []string{"", " " + m.c.Styles.Strong.Render(name)}
}

func (m *Model) state() []string {
	e := m.in.Entry
	if e.State == timeline.None {
		return m.fact("state", "committed: others' messages are shown only then")
	}
	word := e.State.Glyph() + " " + e.State.Word()
	if e.Note != "" {
		word += " · " + e.Note
	}
	return m.fact("state", word)
}

func (m *Model) ids() (out []string) {
	e := m.in.Entry
	if e.ID == 0 {
		out = m.fact("id", "the cluster gives it one when it commits the message")
	} else {
		out = append(m.fact("id", fmt.Sprintf("%d, in the whole cluster", e.ID)), m.fact("seq", fmt.Sprintf("%d, in %s", e.Seq, common.Line(m.in.Conversation)))...)
	}
	request := m.in.RequestID
	if request == "" {
		request = common.Line(m.more.GetMessage().GetRequestId())
	}
	switch {
	case request != "":
		out = append(out, m.fact("request id", request)...)
	case !e.Own:
		out = append(out, m.fact("request id", "known to the author alone")...)
	}
	switch {
	case e.ThreadID != 0:
		out = append(out, m.fact("thread", fmt.Sprintf("a reply in the thread of %d: %s", e.ThreadID, e.ReplyTo))...)
	case e.Replies > 0:
		out = append(out, m.fact("thread", fmt.Sprintf("began one, with %d %s", e.Replies, plural(e.Replies, "reply", "replies")))...)
	}
	switch n := m.more.GetLogIndex(); {
	case n != 0:
		out = append(out, m.fact("log index", fmt.Sprintf("%d · %s", n, m.term()))...)
	case m.more != nil:
		out = append(out, m.fact("log index", "not recorded by this node's version")...)
	}
	return out
}

// term is what is known of the term: the log forgets it in snapshots, and no message carries it.
func (m *Model) term() string {
	if m.in.Story != nil {
		if _, _, _, term := m.in.Story(); term != 0 {
			return fmt.Sprintf("term %d, as this client knew when it was committed", term)
		}
	}
	return "term not recorded"
}

func (m *Model) times() (out []string) {
	e := m.in.Entry
	if e.ID == 0 {
		return m.fact("written", m.clock(e.Time))
	}
	if m.in.Story != nil {
		if tries, _, answered, _ := m.in.Story(); len(tries) > 0 {
			out = append(out, m.fact("first sent", m.clock(tries[0].Began)+", by this machine's clock")...)
			if !answered.IsZero() {
				out = append(out, m.fact("answered", fmt.Sprintf("%s, %s later", m.clock(answered), common.Age(answered.Sub(tries[0].Began))))...)
			}
		}
	}
	return append(out, m.fact("committed", m.clock(e.Time)+", by the leader's clock")...)
}

func (m *Model) clock(t time.Time) string { return t.In(m.c.Zone).Format(clockForm) }

// delivery is each try on each node.
func (m *Model) delivery() []string {
	if m.in.Story == nil {
		return nil
	}
	tries, dropped, _, _ := m.in.Story()
	if len(tries) == 0 {
		why := "not recorded: it was sent by another client, or before this one started"
		if m.in.Entry.ID == 0 {
			why = "not tried yet"
		}
		return m.fact("delivery", why)
	}
	out := m.head("Delivery, under one request id: it takes effect once")
	for i, a := range tries {
		n := i + 1
		if i >= len(tries)/2 {
			n += dropped
		}
		node := a.Node
		switch {
		case node == "":
			node = "no node"
		case a.Address != "" && a.Address != a.Node:
			node += " " + a.Address
		}
		out = append(out, m.fact(fmt.Sprintf("try %d", n), fmt.Sprintf("%s · %s · %s · %s", a.Began.In(m.c.Zone).Format("15:04:05.000"), node,
			common.Age(a.Took), outcome(a)))...)
	}
	if last := tries[len(tries)-1]; last.OK {
		out = append(out, m.fact("accepted by", last.Node)...)
	}
	return out
}

func outcome(a common.Attempt) string {
	switch {
	case a.OK:
		return "committed"
	case a.Outcome == common.Unknown:
		return "outcome unknown: " + a.Why
	case a.Outcome == common.NotApplied:
		return "not applied: " + a.Why
	}
	return "refused: " + a.Why
}

// people are those who reacted, by reaction, and who pinned it.
func (m *Model) people() (out []string) {
	by := map[string][]string{}
	var order []string
	for _, a := range m.more.GetAnnotations() {
		who := common.Line(a.GetUsername())
		if a.GetKind() == parleyv1.AnnotationKind_ANNOTATION_KIND_PIN {
			out = append(out, m.fact("pinned", "by "+who+", "+m.clock(a.GetTime().AsTime()))...)
			continue
		}
		value := common.Line(a.GetValue())
		if by[value] == nil {
			order = append(order, value)
		}
		by[value] = append(by[value], who)
	}
	if len(order) > 0 {
		out = append(out, m.head("Reactions")...)
	}
	for _, value := range order { // drawn last in its row: terminals disagree on its width
		out = append(out, m.fact(fmt.Sprint(len(by[value])), strings.Join(by[value], ", ")+"  "+value)...)
	}
	return out
}

// earlier are the texts that edits replaced.
func (m *Model) earlier() (out []string) {
	texts := m.more.GetEarlier()
	if len(texts) == 0 {
		return nil
	}
	n := int(m.more.GetMessage().GetEdits())
	out = m.head(fmt.Sprintf("Edited %d %s, last at %s", n, plural(n, "time", "times"), m.clock(m.more.GetMessage().GetEdited().AsTime())))
	for _, t := range texts {
		out = append(out, m.fact("until "+t.GetUntil().AsTime().In(m.c.Zone).Format("15:04:05"), common.Body(t.GetText()))...)
	}
	return out
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
