package store

import (
	"errors"
	"fmt"

	"parley/proto/internalv1"
)

// View is the state at one instant: the overlays as they were then and one read of the disk below them. It is cheap, is
// used by one goroutine, and must be closed within a second: an open one pins what the disk would reuse. Nothing that
// it returned points into it.
type View struct {
	layers
	p         *published
	read      baseRead // without a Tx once the view is closed
	clusterID []byte
	names     map[uint64]*internalv1.AccountRecord
	damaged   func(error)
}

// View opens a view of what was last published.
func (s *Store) View() (*View, error) {
	for {
		if s.closed.Load() {
			return nil, ErrClosed
		}
		p := s.cur.Load()
		r, ok := p.disk.acquireRead()
		if !ok {
			continue // an install put another disk in its place; cur names it soon
		}
		v, err := s.viewOf(p, r)
		if err != nil {
			p.disk.release()
			return nil, err
		}
		if v != nil {
			return v, nil
		}
		p.disk.release()
	}
}

// viewOf is nil when a flush came between the published instant and the read of the disk. The read is then closed.
func (s *Store) viewOf(p *published, r baseRead) (*View, error) {
	if r.Tx == nil {
		if err := s.beginRead(p.disk, &r); err != nil {
			return nil, err
		}
	}
	if r.flushed != p.flushed && (p.frozen == nil || r.flushed != p.frozen.mark.Index) {
		return nil, r.Close()
	}
	v := &View{p: p, read: r, clusterID: s.clusterID, damaged: s.damaged}
	v.over = [2]overlayAt{p.active, p.frozen.all()}
	v.base = v.disk
	v.path, v.kept = s.path, r.records
	return v, nil
}

func (s *Store) beginRead(h *handle, r *baseRead) (err error) {
	defer guardDamage(s.path, &err)()
	if r.Tx, err = h.disk.Begin(); err != nil {
		return fmt.Errorf("store: view: %w", err)
	}
	ok := false
	defer func() {
		if !ok { // also after a panic: a read left open keeps the file from closing
			err = errors.Join(err, r.Close())
		}
	}()
	if r.flushed, err = metaIndex(r.Meta()); err != nil {
		return err
	}
	h.began(r)
	ok = true
	return nil
}

func (v *View) disk() (Tx, error) {
	if v.read.Tx == nil {
		return nil, ErrClosed
	}
	return v.read.Tx, nil
}

// Close ends the view.
func (v *View) Close() {
	if v.read.Tx == nil {
		return
	}
	r := v.read
	v.read, v.kept = baseRead{}, nil
	v.p.disk.releaseRead(r)
}

// guard is guardDamage, and tells whoever waits for damage or for a contradiction. Use:
//
//	defer v.guard(&err)()
func (v *View) guard(err *error) func() {
	restore := faultsPanic()
	return func() {
		restore()
		if r := recover(); r != nil {
			e := recovered(v.path, r)
			if _, ok := errors.AsType[*DamageError](e); !ok {
				panic(r)
			}
			*err = e
		}
		if *err == nil || v.damaged == nil {
			return
		}
		_, damage := errors.AsType[*DamageError](*err)
		if _, doubt := errors.AsType[*ContradictionError](*err); damage || doubt {
			v.damaged(*err)
		}
	}
}

// Index returns the raft index of the last entry that the view has.
func (v *View) Index() uint64 { return v.p.index }

// ClockMS returns the state clock in unix milliseconds.
func (v *View) ClockMS() int64 { return v.p.clockMS }

// Cursor returns the cursor of everything that the view has: a Watch from it misses nothing that comes after.
func (v *View) Cursor() string {
	return encodeCursor(v.clusterID, position{index: v.p.index, ordinal: maxOrdinal})
}

// person returns an account's record, read once for a view.
func (v *View) person(id uint64) (*internalv1.AccountRecord, error) {
	if a, ok := v.names[id]; ok {
		return a, nil
	}
	a, err := v.account(id)
	if err != nil {
		return nil, err
	}
	if v.names == nil {
		v.names = make(map[uint64]*internalv1.AccountRecord)
	}
	v.names[id] = a
	return a, nil
}

func (v *View) eventFloor() (uint64, error) {
	g, err := load[internalv1.GlobalsRecord](&v.layers, keyGlobals(v.key()))
	return g.GetEventFloor(), err
}

func (v *View) members() (ms []*internalv1.AnnounceMember, err error) {
	defer v.guard(&err)()
	it := v.scan([]byte{tagNode}, []byte{tagNode + 1}, false)
	for it.next() {
		n, err := decode[internalv1.AnnounceMember](&v.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		ms = append(ms, n)
	}
	if it.err != nil {
		return nil, it.err
	}
	return ms, nil
}
