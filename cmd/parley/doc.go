// Command parley is the one binary of Parley: the server, the terminal client, the command line client and the tools
// around them. Nothing but flags, output and wiring lives here; the work is done by the packages below it.
//
// How a command runs:
//
//	main -> run -> cobra finds the command and parses its flags
//	  -> the command, with an *app: streams, environment, global flags
//	       client commands: a.dial() gives an api/client with the token of --user, PARLEY_TOKEN or the last login
//	       up, demo, bench: package local starts children of this same binary
//	       serve: node + api + listeners (serve.go)
//	  -> its error becomes one line on stderr and an exit code (exit.go)
//
// Rules that every command keeps:
//
//  1. stdout is data, stderr is for people. With -o json each line of stdout is one JSON object whose fields stay.
//  2. Exit codes: 0 done, 1 failed, 2 usage, 3 not authenticated or not allowed, 4 not found, 5 unavailable and not
//     applied, 6 unavailable and the outcome is unknown. A read never exits with 6.
//  3. A password never comes from argv: prompt, --password-file or PARLEY_PASSWORD. Tokens live in 0600 files in the
//     state directory or in PARLEY_TOKEN.
//  4. Nothing that another user wrote reaches a terminal without passing sanitize; JSON escapes it.
//  5. `read` marks as read exactly what it wrote to stdout, after it was written.
package main
