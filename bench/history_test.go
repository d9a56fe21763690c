package bench

import (
	"strings"
	"testing"

	"parley/proto/parleyv1"
)

// TestAHistorysTextsAreWhatASearchLooksFor: within their size, the same each time, with the words that Search asks for.
func TestAHistorysTextsAreWhatASearchLooksFor(t *testing.T) {
	seen := make(map[string]int)
	for n := range 5000 {
		text := HistoryText(n, DefaultSize)
		if len(text) > DefaultSize || text != HistoryText(n, DefaultSize) {
			t.Fatalf("message %d is %q", n, text)
		}
		words := strings.Fields(text)
		if len(words) < 8 || words[2] != historyWord(n, 0) || words[3] != historyWord(n, 1) {
			t.Fatalf("message %d has the words %q", n, words)
		}
		for _, w := range words[2:] {
			seen[w]++
		}
	}
	rare := 0
	for _, n := range seen {
		if n <= 2 {
			rare++
		}
	}
	if len(seen) < historyWords/10 || rare < len(seen)/4 {
		t.Errorf("%d words, %d of them rare: too few to search for", len(seen), rare)
	}
}

func TestWhatAReadOfAHistoryMustHave(t *testing.T) {
	h := &History{IDs: make([]uint64, 200)}
	screen := func(change func([]*parleyv1.Message) []*parleyv1.Message) error {
		var ms []*parleyv1.Message
		for i := range readLimit {
			h.IDs[75+i] = uint64(1000 + i)
			ms = append(ms, &parleyv1.Message{Id: uint64(1000 + i), Seq: uint64(76 + i), Text: HistoryText(75+i, 100)})
		}
		return h.window(change(ms), 100)
	}
	for name, tt := range map[string]struct {
		change func([]*parleyv1.Message) []*parleyv1.Message
		want   string
	}{
		"all":               {func(ms []*parleyv1.Message) []*parleyv1.Message { return ms }, ""},
		"too few":           {func(ms []*parleyv1.Message) []*parleyv1.Message { return ms[1:] }, "49 messages around"},
		"a gap":             {func(ms []*parleyv1.Message) []*parleyv1.Message { ms[9].Seq = 999; return ms }, "seq 999 follows 84"},
		"another place":     {func(ms []*parleyv1.Message) []*parleyv1.Message { ms[25].Id = 7; return ms }, "is not there as it was sent"},
		"another's text":    {func(ms []*parleyv1.Message) []*parleyv1.Message { ms[25].Text = "x"; return ms }, "is not there as it was sent"},
		"nothing that fits": {func([]*parleyv1.Message) []*parleyv1.Message { return nil }, "0 messages around"},
	} {
		err := screen(tt.change)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestWhatASearchMustFind(t *testing.T) {
	answer := func(texts ...string) *parleyv1.SearchMessagesResponse {
		r := &parleyv1.SearchMessagesResponse{}
		for _, text := range texts {
			r.Messages = append(r.Messages, &parleyv1.Message{Text: text})
		}
		return r
	}
	for _, tt := range []struct {
		resp *parleyv1.SearchMessagesResponse
		ok   bool
	}{{answer("ba da fa", "da ba"), true}, {answer(), false}, {answer("ba da", "ba"), false}} {
		if err := found(tt.resp, []string{"ba", "da"}); (err == nil) != tt.ok {
			t.Errorf("%v: %v", tt.resp, err)
		}
	}
}
