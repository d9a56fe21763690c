package client

import "time"

// Every bound of this package, with its reason. Those that Options can change are defaults.
const (
	// DefaultTimeout bounds a call whose context has no deadline: several elections and a restart of a node fit in.
	DefaultTimeout = 15 * time.Second
	// TryTimeout bounds one try. It is the last resort for a node that answers probes and nothing else; password
	// hashing behind a queue takes seconds, so it must not be short.
	TryTimeout = 8 * time.Second
	// NoQuorumWait is how long a call keeps trying while no node can serve it. An election by timeout takes up to
	// 1 s, with one split vote 2 s.
	NoQuorumWait = 2 * time.Second

	// ProbeAfter is how long a try may be silent before its node is probed. A commit takes a few ms, an fsync on a slow
	// disk 200 ms.
	ProbeAfter = 250 * time.Millisecond
	// ProbeTimeout is how long a probe waits. It needs no disk, so only a stopped process or a lost network misses it.
	ProbeTimeout = 400 * time.Millisecond
	// ProbeTries is how many probes in a row must stay unanswered: ProbeAfter + 2 * ProbeTimeout is about 1 s, in which
	// the cluster has elected a new leader.
	ProbeTries = 2
	// RecoverTimeout is how long a suspect node may take to show that it is back.
	RecoverTimeout = time.Second

	// StreamSilence is how long a stream may be silent before its node is probed; servers send a heartbeat each second.
	StreamSilence = 2500 * time.Millisecond
	// StreamStale is how long a stream of a node that answers probes may be silent before it is opened anew.
	StreamStale = 10 * time.Second
	// StreamSettled is how long a stream must have lived for the next loss to be retried at once.
	StreamSettled = time.Second
	// StreamBuffer is how many frames wait for a slow reader; beyond, the stream's flow control holds the server back.
	StreamBuffer = 64
	// StreamRecent is how many cursors are remembered to drop an event that a resumed stream repeats.
	StreamRecent = 1024

	// MaxStreamSends bounds the sends under way on one stream: servers stop reading at as many. More go as unary calls.
	MaxStreamSends = 1024
	// MaxSendStreams bounds the streams of sends of all Clients that share connections. Sessions beyond send with unary calls.
	MaxSendStreams = 256
	// MaxFrameSends and MaxFrameBytes bound one frame of sends. Servers take 256 and 64 KiB; a message of more than
	// MaxFrameBytes goes as a unary call, so that its refusal is its own.
	MaxFrameSends = 128
	MaxFrameBytes = 32 << 10
	// MaxRequestIDBytes is what servers echo of a request id on a stream; a UUID has 45 bytes at most.
	MaxRequestIDBytes = 64
	// NoStreamsFor is how long sends to a node are unary calls after it refused a stream: it is of an older version, which
	// a rolling upgrade replaces, or has too many.
	NoStreamsFor = 5 * time.Second

	// streamWindowBytes and connWindowBytes are what a node may send ahead of the reading: the longest page on one stream, some on
	// all, which fills 80 Mbit/s over a round trip of 100 ms. Fixed, because gRPC measures the connection otherwise: a ping with
	// most frames, which is as much work again as a small event.
	streamWindowBytes = 1 << 20
	connWindowBytes   = 4 << 20

	// BackoffMax is the longest pause between two tries of a call, and StreamBackoffMax of a subscription.
	BackoffMax       = 500 * time.Millisecond
	StreamBackoffMax = 2 * time.Second
	// RetryInfoMax is the longest wait asked by a server that a call follows by itself.
	RetryInfoMax = time.Second
	// LeaderLostTries is how often a call that met a change of leader is tried again without a pause: by nodes that hear of a
	// leader's death one after another.
	LeaderLostTries = 3
	// InternalTries is how often a call may end in INTERNAL, UNKNOWN, DATA_LOSS or ABORTED: it may be one node's trouble,
	// or a race; it may be the request's.
	InternalTries = 3

	// StatusInterval is how often the current node is asked for leader and members; the answer is local and small.
	StatusInterval = 2 * time.Second
	// UnsettledInterval is how often nodes in doubt are looked at.
	UnsettledInterval = 250 * time.Millisecond
	// KeeperGap is the least time between two rounds of the keeper, however many failing calls wake it.
	KeeperGap = 20 * time.Millisecond
	// StatusTimeout bounds one question of the keeper: it asks node after node. A node answers within 300 ms, of an older version
	// within 500 ms, also when one of its peers hangs.
	StatusTimeout = 800 * time.Millisecond
	// FailingOverFor is how long the cluster may look leaderless before the state says NoQuorum: an election.
	FailingOverFor = time.Second

	// MaxServers bounds the configured and the learned addresses together; a cluster has 3 to 7 members.
	MaxServers = 32
	// MaxStateWatchers bounds the channels made by States; the oldest is closed for the next.
	MaxStateWatchers = 16
	// MaxTries bounds the unary tries under way at once, of all Clients that share connections; more wait here. Servers take
	// 1,024 streams a connection, and a probe that waits behind that bound would make a busy node look hung: MaxSendStreams and
	// some 250 subscriptions fit beside them.
	MaxTries = 512
	// MaxReceiveBytes bounds one answer; servers cut their pages at 2 MiB.
	MaxReceiveBytes = 4 << 20

	// KeepaliveTime is the shortest that gRPC allows a client; servers must allow 10 s or less, also without a stream.
	KeepaliveTime = 10 * time.Second
	// KeepaliveTimeout is how long a keepalive ping may be unanswered before the connection is closed.
	KeepaliveTimeout = 3 * time.Second
	// ConnectTimeout bounds one connection attempt, TLS and HTTP/2 preface included.
	ConnectTimeout = 2 * time.Second
	// ConnectBackoff and ConnectBackoffMax bound the pause between attempts; a refused attempt costs next to nothing and
	// a restarted node should be seen at once.
	ConnectBackoff    = 50 * time.Millisecond
	ConnectBackoffMax = time.Second
	// connectBackoffGrowth is from one pause to the next.
	connectBackoffGrowth = 1.6

	// TokenBytes is the size of a session token.
	TokenBytes = 32
	// inviteCodeBytes are too many to guess, and a code that fits a line of a letter.
	inviteCodeBytes = 16
)
