package client

import "testing"

// Each try of a call is told, in order, with where it went and what became of it.
func TestTrace(t *testing.T) {
	fc := newFakeCluster(t, 3)
	c := dialWith(t, fc.addrs()...)
	first := awaitTaker(t, c, fc, 3)
	first.dieAfterApplying()
	var told []Attempt
	if _, err := send(WithTrace(ctxFor(t), func(a Attempt) { told = append(told, a) }), c, "traced"); err != nil {
		t.Fatal(err)
	}
	if len(told) < 2 {
		t.Fatalf("told of %+v, want two tries", told)
	}
	a, b := told[0], told[len(told)-1]
	if a.Node != first.name || a.Address != first.addr || a.Outcome != Unknown || a.Message == "" || a.Took <= 0 {
		t.Errorf("the first try is %+v: want an unknown outcome at %s, with its words", a, first.name)
	}
	if b.Node == first.name || b.Address == "" || b.Outcome != 0 || b.Message != "" || b.Began.Before(a.Began.Add(a.Took)) {
		t.Errorf("the last try is %+v: want a result of another node, after the first", b)
	}
	tries := fc.tries()
	if tries[0].node != a.Node || tries[len(tries)-1].node != b.Node {
		t.Errorf("the nodes saw %+v, the trace tells %+v", tries, told)
	}
}
