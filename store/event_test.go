package store

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
	"parley/proto/parleyv1"
)

// Every watcher of an account is given the same event and the same frame, and the frame decodes to the event.
func TestEventsAreEncodedOnce(t *testing.T) {
	in := emitted{event: event{
		pos: position{index: 9, ordinal: 1}, kind: internalv1.EventKind_EVENT_KIND_MESSAGE, conv: 3, low: 1, high: 2,
		lowName: "ann", highName: "bob", seq: 4, message: 5, sender: 1, timeMS: 1_764_000_000_123, requestID: make([]byte, 16),
	}, text: []byte("hello")}
	e := in.keep()
	in.text[0] = 'X' // the command's memory is gone
	for account, conversation := range map[uint64]string{1: "@bob", 2: "@ann"} {
		told := e.tell(account, testCluster)
		if told != e.tell(account, testCluster) {
			t.Errorf("account %d is told it twice", account)
		}
		if m := told.GetMessage(); m.GetText() != "hello" || m.GetConversation() != conversation {
			t.Errorf("account %d is told %v", account, m)
		}
		b, err := proto.Marshal(told.Frame)
		if err != nil {
			t.Fatal(err)
		}
		got := new(parleyv1.SubscribeResponse)
		if err := proto.Unmarshal(b, got); err != nil || !proto.Equal(got.GetEvent(), told.Event) {
			t.Errorf("the frame decodes to %v, %v; want %v", got, err, told.Event)
		}
	}
}
