package boltcheck

// maxTreeDepth bounds the walk over the pages of a damaged file. A tree over 2^32 entries has depth 5.
const maxTreeDepth = 32
