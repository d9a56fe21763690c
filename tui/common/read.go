package common

import (
	"context"

	"parley/proto/parleyv1"
)

// Either reads with a quorum when one can be had and from the node alone when not; local says which it was. What the cluster
// refused is not asked again. Each of the two tries is bounded by CallTimeout.
func Either[T any](parent context.Context, link Link,
	read func(context.Context, parleyv1.Consistency) (T, error), explain func(error) Failure,
) (resp T, local bool, err error) {
	if link.Phase != NoQuorum {
		ctx, cancel := context.WithTimeout(parent, CallTimeout)
		resp, err = read(ctx, parleyv1.Consistency_CONSISTENCY_LINEARIZABLE)
		cancel()
		if err == nil {
			return resp, false, nil
		}
		if f := explain(err); f.Outcome == Refused || f.Auth || f.NotFound {
			return resp, false, err
		}
	}
	ctx, cancel := context.WithTimeout(parent, CallTimeout)
	defer cancel()
	resp, err = read(ctx, parleyv1.Consistency_CONSISTENCY_LOCAL)
	return resp, true, err
}
