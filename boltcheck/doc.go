// Package boltcheck finds out whether a bbolt file can be walked, without bbolt.
//
// bbolt has checksums on its two meta pages only. Elsewhere it panics, faults, recurses without end or reads an older
// version of a page where a page is wrong, partly in goroutines where nobody could recover. So the pages are verified
// before bbolt trusts them: every page that is reachable is what its parent says, is reachable once, lies within the file
// and has its keys in order; no page is both in use and free. What is in the values is the owner's affair.
//
// bbolt falls back to the older meta page when the newer one is invalid, which would take back a commit without a word. A
// meta page is 80 bytes at the start of a sector, and sectors are written whole or not at all, so that an invalid one is no
// trace of a power cut but damage: both must be valid.
package boltcheck
