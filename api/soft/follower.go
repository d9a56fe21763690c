package soft

import (
	"slices"
	"sync"
	"time"

	"parley/proto/parleyv1"
)

// followers are the streams of this node by account.
type followers struct {
	mu        sync.RWMutex
	byAccount map[uint64][]*Follower
}

// Follower is what one stream is still to be told. Its methods are safe for concurrent use.
type Follower struct {
	s       *State
	account uint64

	mu     sync.Mutex
	frames []*parleyv1.SubscribeResponse
	wake   func()
}

// Follow says that a stream of an account stands: the account is there until Close.
func (s *State) Follow(id uint64) *Follower {
	f := &Follower{s: s, account: id}
	s.followers.mu.Lock()
	if s.followers.byAccount == nil {
		s.followers.byAccount = make(map[uint64][]*Follower)
	}
	s.followers.byAccount[id] = append(s.followers.byAccount[id], f)
	s.followers.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.own[id]
	if a == nil {
		a = new(account)
		s.own[id] = a
	}
	a.streams++
	a.lingers = time.Time{}
	s.changed(id)
	return f
}

// Close ends the stream, once.
func (f *Follower) Close() {
	s := f.s
	s.followers.mu.Lock()
	fs := s.followers.byAccount[f.account]
	if i := slices.Index(fs, f); i >= 0 {
		fs = slices.Delete(fs, i, i+1)
	}
	if s.followers.byAccount[f.account] = fs; len(fs) == 0 {
		delete(s.followers.byAccount, f.account)
	}
	s.followers.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.own[f.account]
	if a.streams--; a.streams == 0 {
		a.lingers = s.now().Add(Linger)
		s.over(a.lingers)
	}
}

// Follows says whether a stream of the account stands on this node.
func (s *State) Follows(id uint64) bool {
	s.followers.mu.RLock()
	defer s.followers.mu.RUnlock()
	return len(s.followers.byAccount[id]) > 0
}

// Tell gives a frame to every stream of an account on this node. The frame is shared: nobody may change it.
func (s *State) Tell(id uint64, frame *parleyv1.SubscribeResponse) {
	s.followers.mu.RLock()
	defer s.followers.mu.RUnlock()
	for _, f := range s.followers.byAccount[id] {
		f.push(frame)
	}
}

func (f *Follower) push(frame *parleyv1.SubscribeResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.frames) == maxMailbox {
		f.frames = slices.Delete(f.frames, 0, 1)
	}
	f.frames = append(f.frames, frame)
	if f.wake != nil {
		f.wake()
	}
}

// Arm has wake called when there is something to take, at once if there is. It must return soon and call nothing here.
func (f *Follower) Arm(wake func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake = wake; len(f.frames) > 0 && wake != nil {
		wake()
	}
}

// Take removes what the stream is to be told, in order.
func (f *Follower) Take() []*parleyv1.SubscribeResponse {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.frames
	f.frames = nil
	return out
}
