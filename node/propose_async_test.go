package node

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// asyncSends are commands of ProposeAsync and what became of them.
type asyncSends struct {
	mu    sync.Mutex
	given int
	ended map[string][]error // by text: one answer each, nil for a result
}

func (s *asyncSends) propose(t *testing.T, n *Node, text string) {
	cmd, err := proto.Marshal(message("alice", "bob", text))
	if err != nil {
		t.Error(err)
		return
	}
	s.mu.Lock()
	s.given++
	s.mu.Unlock()
	n.ProposeAsync(cmd, func(result []byte, err error) {
		if err == nil {
			res := new(internalv1.Result)
			if err = proto.Unmarshal(result, res); err == nil && res.GetSend() == nil {
				err = fmt.Errorf("refused: %v", res)
			}
		}
		s.mu.Lock()
		s.ended[text] = append(s.ended[text], err)
		s.mu.Unlock()
	})
}

func (s *asyncSends) all() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ended) == s.given
}

// Pipelined commands pass through changes of leadership without a failure, on whichever node they were given.
func TestHandOverFailsNothingAsync(t *testing.T) {
	c := startCluster(t, 3)
	c.account(c.leader(), "alice")
	c.account(c.leader(), "bob")
	s := &asyncSends{ended: map[string][]error{}}
	for round := range 4 {
		for k := range 200 {
			s.propose(t, c.nodes[k%3], fmt.Sprintf("%d in round %d", k, round))
		}
		if round < 3 {
			if err := c.nodes[c.leader()].HandOver(t.Context()); err != nil {
				t.Logf("hand over: %v", err) // on a machine that is too slow for it; the commands end well all the same
			}
		}
	}
	c.await("the answers", s.all)
	there := map[string]int{}
	for _, text := range c.texts(0, "bob", "alice") {
		there[text]++
	}
	for text, errs := range s.ended {
		if len(errs) != 1 || errs[0] != nil || there[text] != 1 {
			t.Errorf("%q ended with %v and is there %d times; want one result, once", text, errs, there[text])
		}
	}
}

// Every command has exactly one answer, also when the node on which it was given stops, or the leader does.
func TestAsyncProposalsEndWithTheNode(t *testing.T) {
	c := startCluster(t, 3)
	c.account(c.leader(), "alice")
	c.account(c.leader(), "bob")
	s := &asyncSends{ended: map[string][]error{}}
	lead := c.leader()
	for k := range 300 {
		s.propose(t, c.nodes[k%3], fmt.Sprint(k))
	}
	gone := c.nodes[lead]
	gone.shutdown() // without a hand-over
	<-gone.Done()
	c.nodes[lead] = nil
	s.propose(t, gone, "late")
	c.await("the answers", s.all)
	var late *Error
	if !errors.As(s.ended["late"][0], &late) || late.Outcome != NotApplied || late.Cause != CauseStopped {
		t.Errorf("a stopped node answered %v", s.ended["late"])
	}
	i := c.leader()
	there := map[string]int{}
	for _, text := range c.texts(i, "bob", "alice") {
		there[text]++
	}
	for text, errs := range s.ended {
		var ne *Error
		switch {
		case len(errs) != 1:
			t.Errorf("%q has answers %v", text, errs)
		case errs[0] == nil && there[text] != 1:
			t.Errorf("%q was acknowledged and is there %d times", text, there[text])
		case errs[0] != nil && (!errors.As(errs[0], &ne) || ne.Outcome == NotApplied && there[text] != 0):
			t.Errorf("%q ended with %v and is there %d times", text, errs[0], there[text])
		}
	}
}
