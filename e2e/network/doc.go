// Package network is a small network of its own, for tests that hurt it: hosts with an address each, and a switch between them
// that is ours.
//
//	net, err := network.New()               the caller's own address is Here
//	host, err := net.Join()                 a network namespace with an address; host.Start runs a command in it
//	net.Set(a, b, network.Link{Down: true}) what a sends to b is dropped; what b sends to a is not
//
// The hosts are network namespaces. Each has one interface, a TUN device, and this package carries the packets between them:
// it can drop, delay and slow them down, for each direction of each pair by itself, which netfilter cannot do for a direction
// and netem is not in every kernel for. TCP is the kernel's on both ends, so a dead process refuses connections as on a real
// network, and a lost packet is sent again.
//
//  1. Enter runs the program in namespaces of its own first. Everything made here is in those, so the machine's network is
//     not touched, and the kernel removes all of it when the program ends, however it ends.
//  2. Neither root nor a tool is needed where the kernel lets users make namespaces; ErrUnavailable tells that it does not.
//  3. A link holds at most maxQueued packets; more are dropped, as by any router.
package network
