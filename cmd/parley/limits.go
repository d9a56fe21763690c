package main

import "time"

const (
	// maxStdinBytes is read of a message from stdin: the server's limit of 8 KiB and enough above it that the refusal is the
	// server's, with its wording.
	maxStdinBytes = 64 << 10
	// maxPasswordBytes bounds a password file; the server takes at most 1 KiB.
	maxPasswordBytes = 4 << 10
	// maxStateFileBytes bounds what is read back from the state directory.
	maxStateFileBytes = 4 << 10

	// keyringService is what the system's keyring calls us.
	keyringService = "parley"
	// keyringWithin bounds one question to it: a locked one waits for a person, and there may be none.
	keyringWithin = 2 * time.Second

	// defaultReadLimit is a screen or two.
	defaultReadLimit = 50
	// maxReadLimit bounds one `read`: the newest N are collected before the oldest of them is printed.
	maxReadLimit = 10_000
	// pageSize is the most that the API hands out at once.
	pageSize = 1000
	// defaultSearchLimit is a screen, and maxSearchPage the most that the API finds at once.
	defaultSearchLimit = 20
	maxSearchPage      = 100
	// maxRanges and maxDeleteIDs are the API's bounds of one request.
	maxRanges    = 100
	maxDeleteIDs = 100
	// maxRetainDays is the API's bound of how long a room says to keep messages.
	maxRetainDays = 3650

	// completionTimeout bounds what a shell waits for names when somebody presses Tab.
	completionTimeout = time.Second
	// maxCompletions is a screen of names; more are of no help to who looks for one.
	maxCompletions = 50

	// hookListen is where `hook` listens: on this machine alone.
	hookListen = "127.0.0.1:8095"
	// hookHeaderTimeout and hookBodyTimeout bound how long a delivery may take to come, hookIdle how long a connection may wait
	// for the next.
	hookHeaderTimeout = 5 * time.Second
	hookBodyTimeout   = 15 * time.Second
	hookIdle          = time.Minute
	// minSecretBytes keeps a secret from being guessed.
	minSecretBytes = 16

	// maxAudit is how many acts a cluster keeps; defaultAuditLimit is a screen or two.
	maxAudit          = 10_000
	defaultAuditLimit = 50

	// maxImport is the API's bound of accounts in one request.
	maxImport = 100
	// maxImportLineBytes holds one account as JSON: its three fields are 544 bytes at most, some of them escaped.
	maxImportLineBytes = 16 << 10

	// localMarkTimeout bounds the marking after a local read, where there may well be no quorum to take the mark.
	localMarkTimeout = 2 * time.Second

	// bindPatience is how long a start waits for a port that something else holds, and bindRetry how often it looks.
	bindPatience = 3 * time.Second
	bindRetry    = 50 * time.Millisecond

	// readyTimeout is how long `up`, `demo` and `bench` wait until every node serves: a log of a million messages is back in
	// three seconds, and a machine may be slow.
	readyTimeout = 2 * time.Minute
	// gcPercent is how far a node's heap grows, in percent of what is in use, before the garbage is collected; GOGC overrides it.
	// A node keeps little in memory and makes much garbage per message: at Go's 100 the collector had a twelfth of the processor
	// under load. Half as many collections cost half, and a heap of three times what is in use, not two.
	gcPercent = 200
	// drainTimeout is how long `serve` may take to end after SIGTERM before it stops waiting: local.Stop kills after 10 s.
	drainTimeout = 8 * time.Second
)

// adminTimeout bounds how long a client of the admin address may take to send its request.
const adminTimeout = 5 * time.Second
