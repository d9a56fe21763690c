// Package demo is what happens in `parley demo` beside the client: bots that chat, and a director that kills, pauses and
// revives the nodes and counts what became of the bots' messages. The client's panel shows it through common.Demo.
//
// How it flows:
//
//	d := demo.Start(ctx, demo.Options{...})
//	        talk    says the lines of script.go one after the other, each until it is acknowledged
//	        count   reads #general linearizably and compares it with what was acknowledged (ledger.go)
//	        watch   hears of nodes that ended though nobody here killed them
//	d.Kill(ctx, "n2"); d.Revive(ctx, "n2")
//	for s := range d.States() { ... }
//	d.Stop()
//
// Invariants:
//
//  1. One message of the bots is under way at a time, and it keeps its request id until it is acknowledged: what is stored
//     beside the acknowledged ones was stored twice.
//  2. A message counts as found or lost only by a read that began after its acknowledgement.
//  3. The lines come in one order; only their pace and what the person does to the nodes differ from run to run.
package demo
