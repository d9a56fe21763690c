package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// History is a long conversation, whose messages have the texts of HistoryText.
type History struct {
	// Token is a session of one who may read it.
	Token        []byte
	Conversation string
	// IDs are those of its messages, by their number.
	IDs []uint64
}

// HistoryText is the text of a history's message: its number and words, of which few are common and most are rare.
func HistoryText(number, size int) string {
	var t strings.Builder
	fmt.Fprintf(&t, "message %d", number)
	for k := 0; ; k++ {
		word := historyWord(number, k)
		if t.Len()+1+len(word) > size {
			return t.String()
		}
		t.WriteString(" " + word)
	}
}

// historyWord is a message's k-th word. Half of all words are among an eighth of the vocabulary, a tenth in a thousandth of it.
func historyWord(number, k int) string {
	u := float64(mix(uint64(number)<<8|uint64(k))>>11) / (1 << 53)
	n := int(u * u * u * historyWords)
	var w []byte
	for range 3 {
		w = append(w, "bdfgklmnprstvz"[n%14], "aeiou"[n/14%5])
		n /= 70
	}
	return string(w)
}

// UseHistory has ReadDeep and Search look into a conversation that is there. Without it they make one.
func (b *Bench) UseHistory(h History) { b.history = &h }

// makeHistory writes a history between the first two accounts.
func (b *Bench) makeHistory(ctx context.Context) error {
	if b.history != nil {
		return nil
	}
	b.o.Progress(fmt.Sprintf("making a conversation of %d messages", b.o.Messages))
	h := &History{Token: b.accounts[0].c.Token(), Conversation: b.name(1), IDs: make([]uint64, b.o.Messages)}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(historyParallel)
	for i := range h.IDs {
		g.Go(func() error {
			sent, err := b.accounts[0].c.SendMessage(gctx, &parleyv1.SendMessageRequest{
				Conversation: h.Conversation, Text: HistoryText(i, b.o.Size),
			})
			h.IDs[i] = sent.GetId()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("make a history: %w", err)
	}
	b.history = h
	return nil
}

// readers are callers who all may read the history.
func (b *Bench) readers(ctx context.Context, n int) ([]*caller, func(), error) {
	cs, err := b.ready(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	if err := b.makeHistory(ctx); err != nil {
		return nil, nil, err
	}
	shares := make(map[*client.Client]*client.Client)
	for _, cl := range cs {
		if shares[cl.c] == nil {
			shares[cl.c] = cl.c.Share(b.history.Token)
		}
		cl.c = shares[cl.c]
	}
	return cs, func() {
		for _, c := range shares {
			_ = c.Close()
		}
	}, nil
}

// pick is a number of a message, another one for each operation of each caller, spread over all.
func (h *History) pick(caller, op int) int {
	return int(mix(uint64(caller)<<40|uint64(op)) % uint64(len(h.IDs)))
}

// ReadDeep measures how a conversation opens at a random place: linearizable reads of a screen of messages around one of them. Each
// must have that message, with its text, and no gap.
func (b *Bench) ReadDeep(ctx context.Context, callers int) (Result, error) {
	b.next()
	r := b.result("read-deep", callers)
	cs, end, err := b.readers(ctx, callers)
	if err != nil {
		return r, err
	}
	defer end()
	h := b.history
	r.Convs, r.History = 1, len(h.IDs)
	r, _, _, err = b.measure(ctx, b.window(), r, cs, func(ctx context.Context, cl *caller, n int, _ begin) error {
		number := h.pick(cl.i, n)
		resp, err := cl.c.ReadMessages(ctx, &parleyv1.ReadMessagesRequest{
			Conversation: h.Conversation, AroundId: h.IDs[number], Limit: readLimit,
		})
		if err != nil {
			return err
		}
		cl.log.nodes[resp.GetReadInfo().GetNode()]++
		return h.window(resp.GetMessages(), number)
	})
	return r, err
}

// window checks what was read around a message.
func (h *History) window(ms []*parleyv1.Message, number int) error {
	if want := min(readLimit, len(h.IDs)); len(ms) < want {
		return fmt.Errorf("%d messages around message %d, not %d", len(ms), h.IDs[number], want)
	}
	for i, m := range ms[1:] {
		if m.GetSeq() != ms[i].GetSeq()+1 {
			return fmt.Errorf("seq %d follows %d", m.GetSeq(), ms[i].GetSeq())
		}
	}
	at := slices.IndexFunc(ms, func(m *parleyv1.Message) bool { return m.GetId() == h.IDs[number] })
	if at < 0 || !strings.HasPrefix(ms[at].GetText(), fmt.Sprintf("message %d ", number)) {
		return fmt.Errorf("message %d is not there as it was sent", h.IDs[number])
	}
	return nil
}

// Search measures linearizable searches for two words of a random message of the history. Each must find messages, and none
// without both words.
func (b *Bench) Search(ctx context.Context, callers int) (Result, error) {
	b.next()
	r := b.result("search", callers)
	cs, end, err := b.readers(ctx, callers)
	if err != nil {
		return r, err
	}
	defer end()
	h := b.history
	r.Convs, r.History = 1, len(h.IDs)
	if err := b.awaitIndexes(ctx, cs[0].c); err != nil {
		return r, err
	}
	r, _, _, err = b.measure(ctx, b.window(), r, cs, func(ctx context.Context, cl *caller, n int, _ begin) error {
		number := h.pick(cl.i, n)
		words := []string{historyWord(number, 0), historyWord(number, 1)}
		resp, err := cl.c.SearchMessages(ctx, &parleyv1.SearchMessagesRequest{Query: strings.Join(words, " ")})
		if err != nil {
			return err
		}
		cl.log.nodes[resp.GetReadInfo().GetNode()]++
		return found(resp, words)
	})
	return r, err
}

func found(resp *parleyv1.SearchMessagesResponse, words []string) error {
	if len(resp.GetMessages()) == 0 {
		return fmt.Errorf("nothing was found for %q, behind: %v", words, resp.GetBehind())
	}
	for _, m := range resp.GetMessages() {
		has := strings.Fields(m.GetText())
		for _, w := range words {
			if !slices.Contains(has, w) {
				return fmt.Errorf("message %d was found for %q and has no %s", m.GetId(), words, w)
			}
		}
	}
	return nil
}

// awaitIndexes returns when every node's search index has all that is stored: a figure of a search that is behind is none.
func (b *Bench) awaitIndexes(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, indexWait)
	defer cancel()
	for _, node := range b.nodes {
		one, err := b.dial(client.Options{Servers: []string{node.GetAddress()}, OnlyServers: true, Token: c.Token()})
		if err != nil {
			return err
		}
		for behind := true; behind && err == nil; {
			var resp *parleyv1.SearchMessagesResponse
			resp, err = one.SearchMessages(ctx, &parleyv1.SearchMessagesRequest{Query: historyWord(0, 0)}) // waits a while for it
			behind = resp.GetBehind()
		}
		if err = errors.Join(err, one.Close()); err != nil {
			return fmt.Errorf("wait for the search index of node %s: %w", node.GetName(), err)
		}
	}
	return nil
}
