package peer

import "time"

const (
	// maxFrameMessages and maxFrameBytes end a frame: large enough to amortise its cost, small enough that a heartbeat
	// that waits behind one is not late. A frame holds at least one message, so it may exceed the bytes by one message.
	maxFrameMessages = 64
	maxFrameBytes    = 1 << 20
	// MaxMessageBytes bounds one raft message. One that is larger is dropped with an error in the log: the receiver
	// would refuse the frame for ever.
	MaxMessageBytes = 6 << 20
	// maxReceiveBytes is a full frame plus one largest message and one of soft state, with room for framing.
	maxReceiveBytes = maxFrameBytes + MaxMessageBytes + MaxSoftFrameBytes + 64<<10

	// maxControlMessages bounds heartbeats, votes and answers that wait for one peer. They are small.
	maxControlMessages = 4096
	// maxAppendMessages and maxAppendBytes bound the MsgApps that wait for one peer. Raft's own window is smaller; the
	// bound holds even if that is set wrongly.
	maxAppendMessages = 1024
	maxAppendBytes    = 16 << 20

	// MaxSoftFrameBytes bounds one frame of soft state: the numbers of all accounts that a node serves, in full. One that is
	// larger is not sent, and not taken.
	MaxSoftFrameBytes = 256 << 10
	// maxSoftFrames bounds the frames of soft state that wait for one peer. They come a few times a second, so more than that
	// wait only for a peer that takes nothing.
	maxSoftFrames = 8

	// maxHandOnCommands and maxHandOnBytes bound the commands handed on to one peer and not answered.
	maxHandOnCommands = 8192
	maxHandOnBytes    = 32 << 20
	// maxHandOnFrameCommands and maxFrameBytes end a frame of commands or answers.
	maxHandOnFrameCommands = 256

	// snapshotChunkBytes is far below the stream's window, so that progress is seen often.
	snapshotChunkBytes = 256 << 10
	// snapshotStall is how long a transfer may stand still before either side gives it up.
	snapshotStall = 10 * time.Second
	// snapshotTurn is how long a file waits for the end of an earlier one, which may have failed a moment ago.
	snapshotTurn = 500 * time.Millisecond
	// snapshotCommitTimeout is how long the receiver may take to check and fsync a whole file.
	snapshotCommitTimeout = 2 * time.Minute
	// storeSpoolTimeout is how long a node may take to copy its store before the first byte of it comes.
	storeSpoolTimeout = 2 * time.Minute
	// maxSnapshotBytes bounds what a peer can make this node write.
	maxSnapshotBytes = 1 << 40

	// dialBaseDelay and dialMaxDelay bound the gaps between dials. gRPC's default grows to two minutes, which would
	// keep a restarted peer waiting.
	dialBaseDelay = 50 * time.Millisecond
	dialMaxDelay  = time.Second
	// dialTimeout bounds one attempt to connect.
	dialTimeout = 2 * time.Second
	// helloTimeout bounds the exchange of hellos once connected.
	helloTimeout = 2 * time.Second
	// writeTimeout is how long one frame may wait for a peer's flow control; then the stream is cancelled. A paused
	// process reads nothing and answers nothing.
	writeTimeout = 3 * time.Second
	// goneBudget bounds the check whether a peer's process is gone: after it, the least election timeout has passed and
	// decides. A kernel whose cores are busy has taken 100 ms to close a dead process's last socket.
	goneBudget = 500 * time.Millisecond
	// goneRetry is the gap between the dials of that check, doubled up to goneRetryMax while an answer is waited for.
	goneRetry    = time.Millisecond
	goneRetryMax = 16 * time.Millisecond

	// probeInterval is how often each peer is asked for its hello: followers exchange no raft messages with each other,
	// so reachability, round trip and clock come from here.
	probeInterval = time.Second
	// probeTimeout ends one such question.
	probeTimeout = time.Second
	// reachableFor is how long a peer counts as reachable after it was last heard: two lost probes.
	reachableFor = 3 * time.Second
	// clockSamples is the window from which the sample with the shortest round trip is believed.
	clockSamples = 8

	// unreachableInterval is the least gap between two reports of the same peer: about one tick of raft.
	unreachableInterval = 50 * time.Millisecond

	// maxKnownPeers bounds the identities remembered. Ids are never reused, so this is the number of machines ever
	// added while this process runs.
	maxKnownPeers = 1024

	// Keepalive. gRPC clients ping no more often than every 10 s; the server's own pings notice a paused caller sooner.
	clientKeepalive        = 10 * time.Second
	clientKeepaliveTimeout = 5 * time.Second
	serverKeepalive        = 5 * time.Second
	serverKeepaliveTimeout = 5 * time.Second
	// minPingInterval is what the server tolerates; half of clientKeepalive, so that a jittered ping is no offence.
	minPingInterval = 5 * time.Second

	// streamWindowBytes and connWindowBytes let several full frames travel without waiting for an acknowledgement.
	streamWindowBytes = 4 << 20
	connWindowBytes   = 8 << 20
	// maxStreamsPerConn is what one peer may have open: three streams and a few questions.
	maxStreamsPerConn = 64
)

// patience is how long the transport waits where a test cannot.
type patience struct {
	write         time.Duration
	snapshotStall time.Duration
	gone          time.Duration
}

var defaultPatience = patience{write: writeTimeout, snapshotStall: snapshotStall, gone: goneBudget}
