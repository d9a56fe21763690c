// Package client talks to a Parley cluster and fails over by itself.
//
// One Client stands for one cluster and one session. It keeps a warm connection to every node that it knows,
// works through one of them (the current node), and moves to another when that one dies, hangs, drains or loses its
// quorum; only what mutates goes to the leader, where that is known. It is the one place where a request is tried again:
// neither gRPC nor the servers repeat what mutates.
//
// A program that acts for many people (a gateway, a bridge, a host of bots) dials once, or a few times, and has Share make a
// Client for each session. What such Clients share is the link (link.go): connections, pool, keeper, probes, and the registry of
// tries, so that a hung node is found once and left by all. A Client itself (client.go) is a token, its streams of sends, and a
// life of its own. Under load the messages of many sessions then travel in the same packets.
//
// # How a call flows
//
//	call (call.go)
//	  request id: the caller's, else a new UUIDv7; the token as of now      both stay the same for every try
//	  for {
//	    try: grpc Invoke, deadline min(TryTimeout, the call's)
//	      picker.Pick (picker.go) chooses the node: serving, not suspect, least failed in this call; of these the
//	                                 leader for a mutation, the current one for a read
//	      watch (try.go): silent for ProbeAfter -> probe that node; it hangs -> every try on it is abandoned
//	    SendMessage: a place in the stream to that node (send.go, sendstream.go); a unary call where no stream takes it
//	    result                    -> return it
//	    refused                   -> return *Error
//	    not applied, or unknown   -> remember the worse of the two; first retry at once, and up to three after a
//	                                 change of leader; then 20, 50, 100 ... 500 ms, cut short when a node becomes ready or gets a quorum
//	    not applied and no node can serve for NoQuorumWait, or the deadline passed -> return *Error
//	  }
//
// # What gRPC does and what is done here
//
// There is one grpc.ClientConn in a link. A manual resolver feeds it the configured addresses and those that the members'
// list adds (keeper.go). A balancer of our own (balancer.go) holds one SubConn for each address and hears the health of
// "parley.v1.ChatService" through gRPC's client-side health check. The health is listened to beside the connection
// state, not folded into it: a node without a quorum stays READY and serves local reads. The picker learns from the
// call's context what this try needs and writes back which node it took. Keepalive ends dead TCP connections. Service
// config from outside, retryPolicy and hedging are off.
//
// gRPC alone cannot see a stopped process within 2 s: the kernel acknowledges its TCP, and keepalive may not run more
// often than every 10 s. So an outstanding call asks the node's health service itself (try.go).
//
// # Invariants
//
//  1. All tries of a call carry the same request id and the same token.
//  2. A call's outcome never gets better: once unknown, only a result ends the doubt.
//  3. "Not applied" is said only if each try was never sent or was answered applied=no.
//     A send whose stream broke after it was written is unknown; the end of a stream that says applied=no was honest
//     about all that it left.
//  4. A read never has an unknown outcome.
//  5. A node is abandoned because it is silent, never because it is slow: it must leave two probes unanswered.
//  6. A subscription hands out every event after its cursor once and in order, whatever nodes it passes through; when
//     that is impossible it hands out a Reset.
//  7. State changes never block: a channel from States holds the latest value only.
//  8. Close ends every goroutine that the Client started, and returns after they ended; of a Client that Dial made, those of
//     all that share its link.
//  9. What one session does (SetToken, Login, Logout, Close) changes nothing for another over the same link.
//
// # Goroutines
//
// keeper (one, owned by the link: asks for members, with the token of any session, and looks after nodes in doubt), probes
// (at most one a node, owned by the link), pump (one a Subscription, owned by it), reader and writer (of each stream of sends,
// at most one stream a node and session, owned by the Client). gRPC calls the balancer on a goroutine of its own.
package client
