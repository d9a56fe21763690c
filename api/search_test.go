package api

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
	"parley/search"
	"parley/store"
)

var _ Searcher = (*search.Index)(nil)

// searchRig is a rig with a real index.
func searchRig(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(s *Server) {
		x, err := search.Open(search.Options{Dir: t.TempDir(), Store: s.store, Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		t.Cleanup(x.Close)
		s.opts.Search = x
	})
}

// TestSearchFindsWhatWasAcknowledged searches right after each send: a linearizable search sees it.
func TestSearchFindsWhatWasAcknowledged(t *testing.T) {
	r := searchRig(t)
	ann, bob, eve := r.user(t, "ann"), r.user(t, "bob"), r.user(t, "eve")
	for n := 1; n <= 20; n++ {
		sent := r.send(t, ann, "@bob", "the disk is full")
		resp, err := r.chat.SearchMessages(bob.ctx, &parleyv1.SearchMessagesRequest{Query: "disk full", PageSize: 100})
		must(t, err)
		if len(resp.Messages) != n || resp.Messages[0].Id != sent.Id || resp.Behind || resp.ReadInfo.GetAppliedIndex() == 0 ||
			resp.IndexedIndex < resp.ReadInfo.GetAppliedIndex() || resp.NextPageToken != "" {
			t.Fatalf("after %d messages: %v", n, resp)
		}
	}
	m := func(r *parleyv1.SearchMessagesResponse) *parleyv1.Message { return r.Messages[0] }
	local := &parleyv1.SearchMessagesRequest{Query: "disk", Consistency: parleyv1.Consistency_CONSISTENCY_LOCAL, PageSize: 1}
	resp, err := r.chat.SearchMessages(ann.ctx, local)
	must(t, err)
	if m(resp).Conversation != "@bob" || m(resp).Sender != "ann" || m(resp).RequestId == "" || resp.NextPageToken == "" {
		t.Fatalf("the author sees %v", resp)
	}
	local.PageToken = resp.NextPageToken
	second, err := r.chat.SearchMessages(ann.ctx, local)
	must(t, err)
	if m(second).Id >= m(resp).Id {
		t.Fatalf("the second page has message %d, the first %d", m(second).Id, m(resp).Id)
	}
	none, err := r.chat.SearchMessages(eve.ctx, &parleyv1.SearchMessagesRequest{Query: "disk"})
	must(t, err)
	if len(none.Messages) != 0 || none.NextPageToken != "" {
		t.Fatalf("who is not in the conversation sees %v", none)
	}
	r.loseQuorum(0)
	if _, err := r.chat.SearchMessages(ann.ctx, &parleyv1.SearchMessagesRequest{Query: "disk"}); err == nil {
		t.Fatal("a linearizable search was answered without a quorum")
	}
	local.PageToken = ""
	if _, err := r.chat.SearchMessages(ann.ctx, local); err != nil {
		t.Fatalf("a local search without a quorum: %v", err)
	}
}

func TestSearchRefusesBadRequests(t *testing.T) {
	r := searchRig(t)
	ann := r.user(t, "ann")
	for field, bad := range map[string]*parleyv1.SearchMessagesRequest{
		"query":       {Query: `"open`},
		"page_size":   {Query: "x", PageSize: search.MaxPage + 1},
		"order":       {Query: "x", Order: 7},
		"page_token":  {Query: "x", PageToken: "!"},
		"consistency": {Query: "x", Consistency: 9},
	} {
		_, err := r.chat.SearchMessages(ann.ctx, bad)
		if info := wantError(t, err, codes.InvalidArgument, reasonInvalidField); info.Metadata["field"] != field {
			t.Errorf("%v names the field %q, want %q", bad, info.Metadata["field"], field)
		}
	}
	// A token of another order, and strangers: each gives back its turn.
	for range maxSearches + 1 {
		_, err := r.chat.SearchMessages(ann.ctx, &parleyv1.SearchMessagesRequest{Query: "x", PageToken: "AA"})
		wantError(t, err, codes.InvalidArgument, reasonInvalidField)
		_, err = r.chat.SearchMessages(withToken(bounded(t), randomToken()), &parleyv1.SearchMessagesRequest{Query: "x"})
		wantError(t, err, codes.Unauthenticated, reasonSessionInvalid)
	}
	if _, err := r.chat.SearchMessages(ann.ctx, &parleyv1.SearchMessagesRequest{Query: "x"}); err != nil {
		t.Fatal(err)
	}
	without := newRig(t)
	_, err := without.chat.SearchMessages(without.user(t, "ann").ctx, &parleyv1.SearchMessagesRequest{Query: "x"})
	wantError(t, err, codes.Unimplemented, reasonNoIndex)
}

// slowIndex is an index that does not catch up, or cannot be read.
type slowIndex struct{ broken bool }

func (x slowIndex) Wait(context.Context, uint64) (uint64, bool) { return x.CompleteTo(0) }
func (x slowIndex) CompleteTo(uint64) (uint64, bool)            { return 3, x.broken }
func (x slowIndex) Search(context.Context, *store.View, store.Session, search.Request) (search.Result, error) {
	return search.Result{Broken: x.broken}, nil
}

type failingIndex struct{ slowIndex }

func (failingIndex) Search(context.Context, *store.View, store.Session, search.Request) (search.Result, error) {
	return search.Result{}, errors.New("a reason that nobody may read")
}

func TestSearchSaysThatItIsBehind(t *testing.T) {
	r := newRig(t)
	ann := r.user(t, "ann")
	for _, broken := range []bool{false, true} {
		r.server.opts.Search = slowIndex{broken}
		for _, c := range []parleyv1.Consistency{
			parleyv1.Consistency_CONSISTENCY_UNSPECIFIED, parleyv1.Consistency_CONSISTENCY_LOCAL,
		} {
			resp, err := r.chat.SearchMessages(ann.ctx, &parleyv1.SearchMessagesRequest{Query: "x", Consistency: c})
			must(t, err)
			if !resp.Behind || resp.IndexedIndex != 3 || resp.ReadInfo.GetNode() != "n1" {
				t.Errorf("broken %v, %v: %v", broken, c, resp)
			}
		}
	}
	r.server.opts.Search = failingIndex{}
	_, err := r.chat.SearchMessages(ann.ctx, &parleyv1.SearchMessagesRequest{Query: "x"})
	wantError(t, err, codes.Internal, reasonInternal)
}
