package tui

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/proto/parleyv1"
	"parley/tui/cache"
	"parley/tui/common"
)

// Without a node, what the screen kept on disk is written, as of its time, and what a node tells later goes on after it.
func TestPlainShowsKeptHistory(t *testing.T) {
	dir := t.TempDir()
	c, err := cache.Open(dir, "alice", epoch)
	must(t, err)
	must(t, c.SetCluster("c1"))
	kept := &parleyv1.Message{Id: 900, Seq: 900, Conversation: "@bob", Sender: "bob", Text: "kept here", Time: timestamppb.New(epoch.Add(-time.Hour))}
	must(t, c.Save(common.Changes{
		At:            epoch.Add(-time.Minute),
		Conversations: []*parleyv1.Conversation{{Name: "@bob", LastSeq: 900, LastMessage: kept}},
		Messages:      map[string][]*parleyv1.Message{"@bob": {kept}},
	}))
	must(t, c.Close())
	p := startPlain(t, true, "", func(f *fake) {
		f.openStore = func(user string) (common.Store, error) { return cache.Open(dir, user, epoch) }
		f.link, f.fail = offline(), common.Failure{Outcome: common.NotApplied, Text: "no node answers"}
	})
	p.see("link: no node has answered; @bob, 1 message as of Tuesday 24 November 14:02:", "13:03 bob: kept here")
	if n := p.count("13:03 bob: kept here"); n != 1 {
		t.Errorf("it was written %d times", n)
	}
}
