package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/bench"
	"parley/e2e/cluster"
	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

const (
	// fillAccounts send to each other while a history is made.
	fillAccounts = 16
	// fillBatch is how many commands an entry has, about what a busy leader puts into one.
	fillBatch = 256
	// fillText is the size of a message in bytes.
	fillText = 100
)

func fillName(i int) string { return fmt.Sprintf("fill%d", i%fillAccounts) }

// fill appends a history to a stopped node's store, as if these messages had been committed in the highest term that any node
// knows.
func fill(nodes []*cluster.Node, f *filler, messages int) error {
	term := uint64(0)
	for _, n := range nodes {
		log, err := raftlog.Open(filepath.Join(n.Dir, "raft"), raftlog.Options{})
		if err != nil {
			return err
		}
		term = max(term, log.HardState().GetTerm())
		if err := log.Close(); err != nil {
			return err
		}
	}
	s, err := store.Open(filepath.Join(nodes[0].Dir, "store.db"), store.Options{})
	if err != nil {
		return err
	}
	f.term, f.index = term, s.Applied()
	for _, t := range f.tokens {
		sum := sha256.Sum256(t)
		f.sessions = append(f.sessions, sum[:])
	}
	for sent := 0; sent < messages; {
		e, n, err := f.entry(min(fillBatch, messages-sent))
		if err != nil {
			return err
		}
		results, err := s.Apply([]store.Entry{e})
		if err != nil {
			return err
		}
		if err := f.check(results[0]); err != nil {
			return err
		}
		sent += n
	}
	if err := s.Flush(); err != nil {
		return err
	}
	return s.Close()
}

// filler makes entries of sends.
type filler struct {
	term, index uint64
	made        uint64
	// tokens are the accounts', sessions what the state knows them by.
	tokens, sessions [][]byte
	// room, where it is set, gets all messages, with texts to search for; ids are then those of the messages.
	room string
	ids  []uint64
}

func (f *filler) entry(n int) (store.Entry, int, error) {
	f.index++
	e := store.Entry{Index: f.index, Term: f.term, StampMS: time.Now().UnixMilli()}
	for range n {
		i := int(f.made)
		sender, hop := i%fillAccounts, 1+i/fillAccounts%(fillAccounts-1)
		send := &internalv1.SendMessage{Conversation: "@" + fillName(sender+hop), Text: text(i)}
		if f.room != "" {
			send = &internalv1.SendMessage{Conversation: f.room, Text: bench.HistoryText(i, fillText)}
		}
		b, err := proto.Marshal(&internalv1.Command{
			RequestId: f.request(), Session: f.sessions[sender], Body: &internalv1.Command_SendMessage{SendMessage: send},
		})
		if err != nil {
			return e, 0, err
		}
		e.Commands = append(e.Commands, b)
	}
	return e, n, nil
}

// request is a UUID of version 7 that is greater than all before it, as clients make them.
func (f *filler) request() []byte {
	f.made++
	id := make([]byte, 16)
	binary.BigEndian.PutUint64(id, uint64(time.Now().UnixMilli())<<16|0x7000|f.made>>40&0xfff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|f.made&(1<<40-1))
	return id
}

// check looks at the answers: a refusal would make the history shorter than it is said to be.
func (f *filler) check(results [][]byte) error {
	for _, b := range results {
		var r internalv1.Result
		if err := proto.Unmarshal(b, &r); err != nil {
			return err
		}
		if r.GetSend() == nil {
			return fmt.Errorf("entry %d: a message was not taken: %v", f.index, &r)
		}
		if f.room != "" {
			f.ids = append(f.ids, r.GetSend().GetId())
		}
	}
	return nil
}

func text(i int) string {
	s := fmt.Sprintf("message %d: ", i)
	return s + strings.Repeat("x", max(0, fillText-len(s)))
}
