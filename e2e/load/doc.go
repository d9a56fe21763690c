// Package load writes to a cluster while it is being hurt, remembers what was acknowledged, and holds the cluster to it.
//
// One account, the hub, talks with several spokes. In every direct conversation both sides write, each from a client of its
// own that begins on another node, so that every conversation has concurrent writers and every node has some:
//
//		spoke i -> @hub      hub's writer i -> @spoke i      a subscriber as the hub, from before the first message
//
//	 1. A writer has one send under way. It sends again under the same request id, through whichever node, until it is acked.
//	 2. A text says its writer and counter, so that a doubled or lost message names itself.
//	 3. The ledger holds what the answers said; Verify compares it with what each node says when it alone is asked.
package load
