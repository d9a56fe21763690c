package api

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"parley/proto/parleyv1"
	"parley/search"
	"parley/store"
)

// Searcher is the node's search index as this package needs it; *search.Index is one. Its methods are called from many
// goroutines.
type Searcher interface {
	// Search finds messages that a caller may read in a view.
	Search(ctx context.Context, v *store.View, s store.Session, r search.Request) (search.Result, error)
	// Wait waits a moment until the index is complete up to a raft index, and says how far it is.
	Wait(ctx context.Context, index uint64) (indexed uint64, complete bool)
	// CompleteTo is Wait without waiting.
	CompleteTo(index uint64) (indexed uint64, complete bool)
}

func (s *chat) SearchMessages(ctx context.Context, r *parleyv1.SearchMessagesRequest) (
	*parleyv1.SearchMessagesResponse, error,
) {
	ask, err := searchRequest(r)
	if err != nil {
		return nil, err
	}
	local := r.Consistency == parleyv1.Consistency_CONSISTENCY_LOCAL
	resp := &parleyv1.SearchMessagesResponse{}
	complete, turn, upTo := false, false, uint64(0)
	defer func() {
		if turn {
			<-s.searching
		}
	}()
	ready := func() error {
		if s.opts.Search == nil {
			return nil // told after the session was looked at
		}
		if !local {
			upTo = s.store.Applied()
			resp.IndexedIndex, complete = s.opts.Search.Wait(ctx, upTo)
		}
		if turn { // the second attempt of a local read
			return nil
		}
		select {
		case s.searching <- struct{}{}:
			turn = true
			return nil
		case <-ctx.Done():
			return contextFailure(ctx.Err())
		}
	}
	info, err := s.readWhen(ctx, r.Consistency, ready, func(v *store.View, sess store.Session) error {
		if s.opts.Search == nil {
			return &failure{code: codes.Unimplemented, reason: reasonNoIndex,
				message: "this node keeps no search index; use another node"}
		}
		if local {
			upTo = v.Index()
			resp.IndexedIndex, complete = s.opts.Search.CompleteTo(upTo)
		}
		res, err := s.opts.Search.Search(ctx, v, sess, ask)
		if errors.Is(err, search.ErrBadToken) {
			return store.ErrBadPageToken
		}
		if err != nil && ctx.Err() != nil {
			return contextFailure(ctx.Err())
		}
		resp.Messages, resp.NextPageToken, resp.Behind = res.Messages, res.Next, !complete || res.Broken
		return err
	})
	if err != nil {
		return nil, err
	}
	// The view may be newer than what the search waited for; what it promises is that.
	info.AppliedIndex = upTo
	resp.ReadInfo = info
	return resp, nil
}

func searchRequest(r *parleyv1.SearchMessagesRequest) (ask search.Request, err error) {
	var f form
	ask.Limit = int(r.PageSize)
	switch {
	case r.PageSize == 0:
		ask.Limit = defaultSearchPage
	case r.PageSize > search.MaxPage:
		f.add("page_size", "must be at most %d", search.MaxPage)
	}
	ask.Token = f.opaque("page_token", r.PageToken, maxPageTokenBytes)
	switch r.Order {
	case parleyv1.SearchOrder_SEARCH_ORDER_UNSPECIFIED:
	case parleyv1.SearchOrder_SEARCH_ORDER_BEST:
		ask.Best = true
	default:
		f.add("order", "must be unset for the newest first, or BEST")
	}
	f.printable("query", r.Query, false)
	if ask.Query, err = search.ParseQuery(r.Query); err != nil {
		var bad *search.QueryError
		if !errors.As(err, &bad) {
			return ask, internal(err)
		}
		f.add("query", "%s", bad.Message)
	}
	return ask, f.err()
}
