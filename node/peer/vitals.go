package peer

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats are the counters of one peer since this process started, and its round trip.
type Stats struct {
	// Up tells whether raft messages can be sent to it now.
	Up bool
	// RoundTrip is smoothed over the last hellos; 0 before the first.
	RoundTrip time.Duration
	// Frames, messages and marshalled message bytes of the two raft streams.
	FramesSent, MessagesSent, BytesSent             uint64
	FramesReceived, MessagesReceived, BytesReceived uint64
	// Dropped counts messages that Send took and that were not written to the peer.
	Dropped uint64
	// SoftSent and SoftDropped count frames of soft state; those of peers that take none are not counted.
	SoftSent, SoftDropped uint64
	// LinkUps counts how often the outgoing link was established; Stalls how often it was cut because a frame was
	// stuck.
	LinkUps, Stalls uint64
	// HandOnFrames and HandOnCommands were written to this peer.
	HandOnFrames, HandOnCommands uint64
	// SnapshotsSent counts store files that the peer took, SnapshotsFailed those it did not.
	SnapshotsSent, SnapshotsFailed uint64
}

// vitals is what is known of a peer beside its link; it outlives a change of address.
type vitals struct {
	// began is when this record was made; heard counts from there on the monotonic clock, 0 is never.
	began time.Time
	heard atomic.Int64

	framesSent, messagesSent, bytesSent             atomic.Uint64
	framesReceived, messagesReceived, bytesReceived atomic.Uint64
	dropped, linkUps, stalls                        atomic.Uint64
	softSent, softDropped                           atomic.Uint64
	handOnFrames, handOnCommands                    atomic.Uint64
	snapshotsSent, snapshotsFailed                  atomic.Uint64

	mu      sync.Mutex
	samples [clockSamples]clockSample
	taken   int
	smooth  time.Duration
}

// clockSample is one hello: how long it took and how far the peer's clock was ahead.
type clockSample struct{ roundTrip, offset time.Duration }

func (v *vitals) hear() { v.heard.Store(int64(time.Since(v.began)) + 1) }

func (v *vitals) lastHeard() time.Time {
	if n := v.heard.Load(); n != 0 {
		return v.began.Add(time.Duration(n))
	}
	return time.Time{}
}

// sample records a hello that was sent at asked, took roundTrip and told the peer's wall clock.
func (v *vitals) sample(asked time.Time, roundTrip time.Duration, peerMS int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	offset := time.UnixMilli(peerMS).Sub(asked.Add(roundTrip / 2).Round(0))
	v.samples[v.taken%clockSamples] = clockSample{roundTrip, offset}
	v.taken++
	if v.taken == 1 {
		v.smooth = roundTrip
	} else {
		v.smooth += (roundTrip - v.smooth) / 8
	}
}

func (v *vitals) clockOffset() (time.Duration, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.taken == 0 {
		return 0, false
	}
	best := v.samples[0]
	for _, s := range v.samples[:min(v.taken, clockSamples)] {
		if s.roundTrip < best.roundTrip {
			best = s
		}
	}
	return best.offset, true
}

func (v *vitals) roundTrip() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.smooth
}

func (l *link) stats() Stats {
	v := l.v
	return Stats{
		Up:               l.up.Load(),
		RoundTrip:        v.roundTrip(),
		FramesSent:       v.framesSent.Load(),
		MessagesSent:     v.messagesSent.Load(),
		BytesSent:        v.bytesSent.Load(),
		FramesReceived:   v.framesReceived.Load(),
		MessagesReceived: v.messagesReceived.Load(),
		BytesReceived:    v.bytesReceived.Load(),
		Dropped:          v.dropped.Load(),
		SoftSent:         v.softSent.Load(),
		SoftDropped:      v.softDropped.Load(),
		LinkUps:          v.linkUps.Load(),
		Stalls:           v.stalls.Load(),
		HandOnFrames:     v.handOnFrames.Load(),
		HandOnCommands:   v.handOnCommands.Load(),
		SnapshotsSent:    v.snapshotsSent.Load(),
		SnapshotsFailed:  v.snapshotsFailed.Load(),
	}
}
