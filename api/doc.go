// Package api is the gRPC face of a node: parley.v1.ChatService and ClusterService, grpc.health.v1 and reflection,
// with authentication, authorization, validation and limits; and the plain HTTP admin page.
//
// A call goes through, in this order:
//
//	recovery, metrics, log    a panic becomes INTERNAL; nothing of a request but its id is logged
//	authz                     one table: method -> who. A method without a row is denied
//	validation                the form of each field; all wrong fields are named at once
//	a write                   known session? -> argon2id where a password is asked -> Replica.Propose -> Apply's answer
//	a read                    ReadBarrier (or not: local) -> one View: session first, then the data -> ReadInfo
//	sends on a stream   open: known session -> each send: form -> Replica.ProposeAsync; answers as they come, in frames
//	a stream                  Watch -> frames until the session ends, the client goes, or the node drains
//
// Invariants:
//
//  1. The edge decides no write. It may only refuse, and only on a negative that it confirmed after a read barrier;
//     what it finds in its own state otherwise is an early hint, and Apply decides again.
//  2. A read authenticates in the view that it reads. A node that does not know a session and cannot ask a quorum
//     answers UNAVAILABLE: it never logs anyone out.
//  3. Every error carries ErrorInfo{domain "parley"} with a reason and metadata: "applied" is "no" or "unknown" and
//     nothing else; "leader" is the address to try; "field" is the wrong field. Its message says what to do next, in
//     one line.
//  4. A password or token leaves this package only as an argon2id PHC string or a SHA-256.
//  5. A view is closed before a password is hashed, a command proposed or a frame sent.
//  6. A stream of sends that the node ends has answered every send that it proposed: the end's own "applied" holds for
//     the others. Only a frame above gRPC's limit, or a panic, breaks it off.
//  7. Delivery on a stream waits for Apply's wake-up alone; the one timer there only says that nothing happened.
package api
