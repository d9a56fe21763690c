package store

// SessionWatch tells when a session may have ended, without following what its account can see: for whoever writes on it.
// Its methods may be called from any goroutine.
type SessionWatch struct {
	s       *Store
	account uint64
	token   [tokenBytes]byte
	doubt   chan struct{}
}

// WatchSession returns the live session of a token's hash and a watch over it; ErrNoSession when there is none,
// ErrTooManyWatchers above MaxSessionWatches. The watch begins in doubt, so that an end before it stood is not missed.
func (s *Store) WatchSession(tokenSHA256 []byte) (w *SessionWatch, ses Session, err error) {
	defer guardDamage(s.path, &err)()
	v, err := s.View()
	if err != nil {
		return nil, Session{}, err
	}
	defer v.Close()
	if ses, err = v.Session(tokenSHA256); err != nil {
		return nil, Session{}, err
	}
	w = &SessionWatch{s: s, account: ses.AccountID, token: [tokenBytes]byte(tokenSHA256), doubt: make(chan struct{}, 1)}
	w.signal()
	if err := s.hub.addSession(w); err != nil {
		return nil, Session{}, err
	}
	return w, ses, nil
}

// Doubt has something to receive when the session was ended, or the whole state was replaced, or the store closed: look
// for it in a view then. One that is not there any more is over for good. That it expires is not told: Apply sees to it.
func (w *SessionWatch) Doubt() <-chan struct{} { return w.doubt }

// Close ends the watch.
func (w *SessionWatch) Close() { w.s.hub.removeSession(w) }

func (w *SessionWatch) signal() {
	select {
	case w.doubt <- struct{}{}:
	default:
	}
}

func (h *hub) addSession(w *SessionWatch) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if h.sessions >= MaxSessionWatches {
		return ErrTooManyWatchers
	}
	of := h.sessionsOf[w.account]
	if of == nil {
		of = make(map[*SessionWatch]struct{})
		h.sessionsOf[w.account] = of
	}
	of[w] = struct{}{}
	h.sessions++
	return nil
}

func (h *hub) removeSession(w *SessionWatch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.sessionsOf[w.account]
	if _, ok := of[w]; !ok {
		return
	}
	h.sessions--
	if delete(of, w); len(of) == 0 {
		delete(h.sessionsOf, w.account)
	}
}

// doubtAll puts every session in doubt. It needs mu.
func (h *hub) doubtAll() {
	for _, of := range h.sessionsOf {
		for w := range of {
			w.signal()
		}
	}
}

// doubtEnded puts those in doubt that ended. It needs mu.
func (h *hub) doubtEnded(ended []endedSessions) {
	if h.sessions == 0 {
		return
	}
	for i := range ended {
		for w := range h.sessionsOf[ended[i].account] {
			if ended[i].covers(w.token) {
				w.signal()
			}
		}
	}
}
