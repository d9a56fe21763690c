package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/e2e/cluster"
	"parley/proto/parleyv1"
)

// Verify holds every running node to the ledger: see the numbered list of package e2e. The writers must have stopped.
func (l *Load) Verify() {
	l.tb.Helper()
	nodes := l.c.Running()
	l.c.AwaitServing(nodes...)
	var first []*parleyv1.Message
	for i, n := range nodes {
		history, err := History(n, l.token)
		if err != nil {
			l.tb.Fatalf("read the history through %s alone: %v", n.Name, err)
		}
		l.complain(n.Name, l.check(history))
		if i == 0 {
			first = history
			continue
		}
		l.complain(n.Name, difference(nodes[0].Name, ids(first), n.Name, ids(history)))
	}
	l.verifyStreams(nodes, ids(first))
	VerifyHashes(l.tb, l.c)
	l.tb.Logf("verified: %d acked, %d stored, %d nodes, %d calls made again, 0 lost, 0 doubled, 0 out of order",
		l.Acked(), len(first), len(nodes), l.Retries())
}

// VerifyHashes awaits that every running node gives its state hash at one applied index, and that all are equal.
func VerifyHashes(t cluster.TB, c *cluster.Cluster) {
	t.Helper()
	nodes := c.Running()
	var hashes map[string]string
	cluster.Await(t, cluster.Patience, "the state hash of every running node", func() error {
		var err error
		if hashes, err = c.Hashes(nodes[0]); err != nil {
			return err
		}
		for _, n := range nodes {
			if hashes[n.Name] == "" {
				return fmt.Errorf("%s gave none", n.Name)
			}
		}
		return nil
	})
	distinct := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		distinct[hashes[name]] = append(distinct[hashes[name]], name)
	}
	if len(distinct) != 1 {
		t.Errorf("the state hashes at one applied index differ: want one, got %v", distinct)
	}
}

// History reads everything that the session can see through one node alone, linearizably, page by page from the newest
// back, and returns it oldest first.
func History(n *cluster.Node, token []byte) ([]*parleyv1.Message, error) {
	d, err := n.Direct(token)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var pages [][]*parleyv1.Message
	before := uint64(0)
	for {
		page, err := readPage(d, &parleyv1.ReadMessagesRequest{Limit: pageSize, BeforeId: before})
		if err != nil {
			return nil, err
		}
		if len(page.GetMessages()) > 0 {
			pages = append(pages, page.GetMessages())
			before = page.GetMessages()[0].GetId()
		}
		if len(page.GetMessages()) == 0 || !page.GetMore() {
			slices.Reverse(pages)
			return slices.Concat(pages...), nil
		}
	}
}

func readPage(d *cluster.Direct, req *parleyv1.ReadMessagesRequest) (*parleyv1.ReadMessagesResponse, error) {
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), readTimeout)
	defer cancel()
	return d.Chat.ReadMessages(ctx, req)
}

// check compares one node's history with the ledger and returns what is wrong with it.
func (l *Load) check(history []*parleyv1.Message) []string {
	var wrong []string
	byText := map[string][]*parleyv1.Message{}
	seq, last := map[string]uint64{}, map[string]uint64{}
	lastID := uint64(0)
	for _, m := range history {
		byText[m.GetText()] = append(byText[m.GetText()], m)
		if m.GetId() <= lastID {
			wrong = append(wrong, fmt.Sprintf("id %d follows id %d", m.GetId(), lastID))
		}
		lastID = m.GetId()
		if want := seq[m.GetConversation()] + 1; m.GetSeq() != want {
			wrong = append(wrong, fmt.Sprintf("%s: want seq %d, got %d (%q)", m.GetConversation(), want, m.GetSeq(), m.GetText()))
		}
		seq[m.GetConversation()] = m.GetSeq()
		name, count := splitText(m.GetText())
		if count <= last[name] {
			wrong = append(wrong, fmt.Sprintf("%q stands after %s/%d", m.GetText(), name, last[name]))
		}
		last[name] = max(count, last[name])
	}
	for text, ms := range byText {
		if len(ms) > 1 {
			wrong = append(wrong, fmt.Sprintf("%q is there %d times", text, len(ms)))
		}
	}
	for _, a := range l.ledger.all() {
		ms := byText[a.Text]
		switch {
		case len(ms) == 0:
			wrong = append(wrong, fmt.Sprintf("%q, acked as id %d seq %d, is lost", a.Text, a.ID, a.Seq))
		case ms[0].GetId() != a.ID || ms[0].GetSeq() != a.Seq:
			wrong = append(wrong, fmt.Sprintf("%q was acked as id %d seq %d, is id %d seq %d",
				a.Text, a.ID, a.Seq, ms[0].GetId(), ms[0].GetSeq()))
		}
	}
	return wrong
}

// verifyStreams holds the follower, and a fresh stream of every node, to the history.
func (l *Load) verifyStreams(nodes []*cluster.Node, want []uint64) {
	l.tb.Helper()
	var got []uint64
	err := cluster.Poll(streamPatience, func() error {
		var err error
		if got, err = l.follow.seen(); err != nil {
			return err
		}
		if len(got) < len(want) {
			return fmt.Errorf("it saw %d of %d messages", len(got), len(want))
		}
		return nil
	})
	if err != nil {
		l.tb.Errorf("the subscriber that lived through it all: %v", err)
	}
	l.complain("the subscriber that lived through it all", difference("history", want, "stream", got))
	for _, n := range nodes {
		got, err := Replay(n, l.token, l.follow.start, len(want))
		if err != nil {
			l.tb.Errorf("the stream of %s from the first cursor: %v", n.Name, err)
		}
		l.complain("the stream of "+n.Name, difference("history", want, "stream", got))
	}
}

// Replay streams from the cursor through one node alone until n messages came, and returns their ids.
func Replay(n *cluster.Node, token []byte, cursor string, count int) ([]uint64, error) {
	d, err := n.Direct(token)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(d.Context(context.Background()), streamPatience)
	defer cancel()
	stream, err := d.Chat.Subscribe(ctx, &parleyv1.SubscribeRequest{Cursor: cursor})
	if err != nil {
		return nil, err
	}
	var got []uint64
	for len(got) < count {
		frame, err := stream.Recv()
		if err != nil {
			return got, err
		}
		if r := frame.GetReset_(); r != nil {
			return got, fmt.Errorf("reset: %s", r.GetReason())
		}
		if m := frame.GetEvent().GetMessage(); m != nil {
			got = append(got, m.GetId())
		}
	}
	return got, nil
}

func (l *Load) complain(who string, wrong []string) {
	l.tb.Helper()
	for i, w := range wrong {
		if i == maxComplaints {
			l.tb.Errorf("%s: and %d more", who, len(wrong)-i)
			return
		}
		l.tb.Errorf("%s: %s", who, w)
	}
}

// difference says where two lists of ids part; nothing when they are equal.
func difference(nameA string, a []uint64, nameB string, b []uint64) []string {
	if slices.Equal(a, b) {
		return nil
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return []string{fmt.Sprintf("at position %d %s has id %d, %s has id %d (%d and %d in all)",
				i, nameA, a[i], nameB, b[i], len(a), len(b))}
		}
	}
	return []string{fmt.Sprintf("%s has %d messages, %s has %d", nameA, len(a), nameB, len(b))}
}

func ids(ms []*parleyv1.Message) []uint64 {
	out := make([]uint64, len(ms))
	for i, m := range ms {
		out[i] = m.GetId()
	}
	return out
}

func splitText(text string) (writer string, count uint64) {
	name, n, _ := strings.Cut(text, "/")
	_, _ = fmt.Sscanf(n, "%d", &count) // a text of another form counts as 0 and is complained about
	return name, count
}
