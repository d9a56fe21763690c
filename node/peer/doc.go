/*
Package peer carries what nodes say to each other: raft messages, commands that a follower hands on to its leader, store
files for a node that fell behind, and small questions. It knows gRPC and the raft message format. It knows neither the
log, nor the store, nor the raft state machine; those are behind Handler, which the node implements.

# How it flows

	Send(m) ──> lanes (control, append) ──> writer goroutine of that peer ──> Raft stream ──┐
	                                                                                       │  the network
	Handler.Step(m) <── reader goroutine of that stream <── Raft stream of the acceptor <──┘

Each node opens one Raft stream to each peer; the stream that a peer opens is what it is heard by. The first frame of a
stream is the caller's hello, the first answer is the acceptor's; either side ends the stream when it does not accept
the other. A link that broke is dialled again at once, then with gaps that grow to a second; a hello from that peer ends
the gap, so that a restarted peer is reached in milliseconds. Streams need a cluster id on both sides; before there is
one, nodes only say hello.

Soft state, which is who is there and who is typing, rides on the Raft streams in a field of its own: to peers that said
they take it, a few frames a second at the most, behind everything else, and lost whenever that is easier.

A follower's commands go over one HandOn stream per peer, pipelined, each answered by its id. A store file goes over a
connection of its own, so that it never stands before a heartbeat.

# Invariants

 1. Send never blocks and never waits for a peer. What does not fit, or meets a link that is down, is dropped and
    counted, and Options.Unreachable is told. Raft repeats what matters.
 2. Messages of one stream reach Handler.Step in the order in which they were written to the stream. Control messages
    overtake appends before they are written.
 3. Handler.LinkDown follows the last Step of the stream that ended, and precedes the first Step of the next stream of
    that peer. It is called once for each stream that was accepted, except when the same process opened a newer one.
 4. A message is given to Step only when its sender is the node that said hello on that stream and its target is this
    node; anything else ends the stream. With TLS, the name in the hello is the name in the certificate.
 5. An identity is accepted only if its boot number is not below the highest seen from that id, its boot nonce is that
    boot's, and its incarnation is the one seen before. Both sides check.
 6. Every HandOn ends in exactly one answer. NotApplied is said only for a command that was never written to a stream,
    or when the leader says so; a command that was written and not answered is Unknown.
 7. Every incoming store file ends in exactly one of Commit and Abort. Commit is called only when size and checksum are
    what the sender said.
 8. After Close returns no callback runs.
*/
package peer
