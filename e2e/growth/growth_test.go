package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

func TestAHistorysRequestsAreAscendingUUIDs(t *testing.T) {
	f := &filler{sessions: make([][]byte, fillAccounts)}
	var last []byte
	to := map[string]bool{}
	for range 20 {
		e, n, err := f.entry(fillBatch)
		if err != nil || n != fillBatch || len(e.Commands) != fillBatch {
			t.Fatalf("%d commands of %d, %v", len(e.Commands), n, err)
		}
		for _, b := range e.Commands {
			var c internalv1.Command
			if err := proto.Unmarshal(b, &c); err != nil {
				t.Fatal(err)
			}
			id := c.GetRequestId()
			if len(id) != 16 || id[6]>>4 != 7 || id[8]>>6 != 2 || bytes.Compare(last, id) >= 0 {
				t.Fatalf("%x after %x is no ascending UUID of version 7", id, last)
			}
			last = id
			to[c.GetSendMessage().GetConversation()] = true
		}
	}
	if len(to) != fillAccounts {
		t.Errorf("messages to %d accounts, want %d", len(to), fillAccounts)
	}
}

func TestTablesAndPlotsHaveEverySize(t *testing.T) {
	p := &points{where: "a machine."}
	for _, n := range []int{10_000, 1_000_000} {
		p.add("messages", n, "send, CPU µs", float64(n)/1e4)
	}
	p.add("nodes", 3, "send, ops/s", 5000)
	text := p.tables()
	for _, want := range []string{
		"| stored messages | 10k | 1M |", "| send, CPU µs | 1.00 | 100 |", "| nodes | 3 |", "| send, ops/s | 5,000 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if svg := p.picture(); strings.Contains(svg, "NaN") || !strings.Contains(svg, "not measured") {
		t.Errorf("the picture is\n%s", svg)
	}
}
