// Package measure is what the programs for the compared systems share: flags, child processes on free loopback ports, the closed
// loop, sends at a fixed rate, the CPU figures, and one JSON object for each measurement.
//
// It imports nothing of Parley, although quantiles and CPU time are told there too (bench/result.go, bench/cpu.go): to require the
// product's module would have its versions of gRPC and others chosen for etcd and NATS, which are to run with their own.
//
// The figures mean the same as those of `parley bench`, so that the lines can stand in one table:
//
//  1. Operations that end inside the measured span count; the warm-up before it is the same load and does not.
//  2. A latency is what a caller waited. At a fixed rate it counts from the moment at which the send was due, so that a
//     late sender does not make a slow system look fast.
//  3. cpu_us_per_op is user and system time of all servers and of this process, per operation.
//  4. After a kill, the time runs to the first acknowledged write that began after it.
package measure
