package boltcheck

// maxTreeDepth bounds the walk over the pages of a damaged file. A tree over 2^32 entries has depth 5.
const maxTreeDepth = 32

// maxRunBytes bounds a branch or a leaf with its overflow pages, which is read at once: one flipped bit of the count of them
// must not take the memory of a whole file. The largest value that is stored in one leaf has less than a megabyte.
const maxRunBytes = 16 << 20
