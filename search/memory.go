package search

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// doc is what the index keeps of a message beside its words.
type doc struct {
	id, conv, author uint64
	ms               int64
}

// Lists of messages by something else than a word have a first byte that no word begins with.
const (
	listConversation = 0x01
	listAuthor       = 0x02
)

// listKey is the key of the list of a conversation's or an author's messages.
func listKey(kind byte, n uint64) string {
	return string([]byte{kind, byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16),
		byte(n >> 8), byte(n)})
}

// memory is what is not in a segment yet. The indexer adds, queries read. A list that was given out never changes: messages
// are appended behind what was given out, and an older one, of an edit, makes a new list.
type memory struct {
	mu    sync.RWMutex
	lists map[string]*[]uint64 // ascending ids; by pointer, so that a word of a message is looked up once
	docs  []doc                // by ascending id
	bytes int
	words []string // scratch of the indexer
}

func newMemory() *memory { return &memory{lists: make(map[string]*[]uint64)} }

// add puts messages in with the words that they have now. One that is there already gets the new words beside the old.
func (m *memory) add(d doc, text string) {
	m.words = appendWords(m.words[:0], text)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.docs = insertSorted(m.docs, d, func(d doc) uint64 { return d.id })
	for _, w := range m.words {
		m.post(w, d.id)
	}
	m.post(listKey(listConversation, d.conv), d.id)
	m.post(listKey(listAuthor, d.author), d.id)
	m.bytes += docBytes
}

const (
	// docBytes, postBytes and listBytes are about what a message, its place in a list and a list cost.
	docBytes  = 32
	postBytes = 12
	listBytes = 64
)

func (m *memory) post(key string, id uint64) {
	l := m.lists[key]
	if l == nil {
		l = new([]uint64)
		key = strings.Clone(key)
		m.lists[key] = l
		m.bytes += listBytes + len(key)
	}
	m.bytes += postBytes
	*l = insertSorted(*l, id, func(id uint64) uint64 { return id })
}

// insertSorted appends what belongs at the end, and copies the list to put something in the middle.
func insertSorted[T any](l []T, v T, id func(T) uint64) []T {
	if n := len(l); n == 0 || id(l[n-1]) < id(v) {
		return append(l, v)
	}
	at := sort.Search(len(l), func(i int) bool { return id(l[i]) >= id(v) })
	if id(l[at]) == id(v) {
		return l
	}
	return slices.Insert(slices.Clone(l), at, v)
}

func (m *memory) full(docs int) bool { return len(m.docs) >= docs || m.bytes >= memoryBytes }

// list returns the ids of a list.
func (m *memory) list(key string) []uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if l := m.lists[key]; l != nil {
		return *l
	}
	return nil
}

// table returns all messages.
func (m *memory) table() []doc {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.docs
}

// withPrefix appends the words that begin so, up to limit in all, to those that there are; false when there are more.
func (m *memory) withPrefix(words map[string]struct{}, prefix string, limit int) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for w := range m.lists {
		if strings.HasPrefix(w, prefix) {
			if words[w] = struct{}{}; len(words) > limit {
				return false
			}
		}
	}
	return true
}

// keys returns the keys of all lists in order.
func (m *memory) keys() []string {
	keys := make([]string, 0, len(m.lists))
	for k := range m.lists {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
