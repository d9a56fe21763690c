package pki

import "time"

const (
	// caLifetime is long because replacing a CA touches every node and client.
	caLifetime = 10 * 365 * 24 * time.Hour
	// leafLifetime makes a forgotten key worthless within a year or so; renewal needs no restart.
	leafLifetime = 398 * 24 * time.Hour
	// backdate lets a machine whose clock is behind use a certificate that was just made.
	backdate = time.Hour
	// reloadEvery bounds how often handshakes look at the files: a flood of handshakes must not become a flood of stats.
	reloadEvery = time.Second
	// maxNameBytes keeps a name usable as a file name and a URI part.
	maxNameBytes = 63
	// maxHosts bounds the SAN list, so that a certificate still fits one TLS record.
	maxHosts = 64
	// maxFileBytes bounds what is read as PEM; a pair or a bundle of CAs is far smaller.
	maxFileBytes = 1 << 20
	// warnBefore is how long before its end a certificate is reported at each load.
	warnBefore = 30 * 24 * time.Hour
)
