package peer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrUnknownPeer is returned when a peer's address is not known.
	ErrUnknownPeer = errors.New("peer: unknown peer")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("peer: the transport is closed")
)

// Reason is the machine's word for why an identity was refused.
type Reason string

const (
	// ReasonOtherCluster: both nodes belong to a cluster, and not to the same one.
	ReasonOtherCluster Reason = "OTHER_CLUSTER"
	// ReasonOtherIncarnation: the id belongs to another data directory.
	ReasonOtherIncarnation Reason = "OTHER_INCARNATION"
	// ReasonStaleBoot: a later start of this data directory was seen: it is a copy that was put back, or runs twice.
	ReasonStaleBoot Reason = "STALE_BOOT"
	// ReasonWrongNode: the call reached another node than it was meant for.
	ReasonWrongNode Reason = "WRONG_NODE"
	// ReasonCertificate: the certificate is not that of the name in the hello.
	ReasonCertificate Reason = "WRONG_CERTIFICATE"
	// ReasonRemoved: the id was removed from the cluster. Only the node's CheckIdentity says so.
	ReasonRemoved Reason = "REMOVED"
	// ReasonTooOld: the node's program does not know the cluster version. Only the node's CheckIdentity says so.
	ReasonTooOld Reason = "TOO_OLD"
	// ReasonProtocol: the nodes' programs have no version of the peer protocol in common.
	ReasonProtocol Reason = "OTHER_PROTOCOL"
	// ReasonNotYet: the other node cannot tell yet whether it accepts this one; ask again.
	ReasonNotYet Reason = "NOT_YET"
	// ReasonOther: the node's CheckIdentity refused for a reason of its own.
	ReasonOther Reason = "REFUSED"
)

var reasons = []Reason{
	ReasonOtherCluster, ReasonOtherIncarnation, ReasonStaleBoot, ReasonWrongNode, ReasonCertificate, ReasonRemoved,
	ReasonTooOld, ReasonProtocol, ReasonNotYet, ReasonOther,
}

// Refusal says why one node does not accept another. It travels as "REASON: text", in HelloResponse.refused and as the
// message of a FAILED_PRECONDITION status.
type Refusal struct {
	Reason Reason
	// Text is for people: what contradicts what, and what to do.
	Text string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Text }

// Fatal reports whether a node that is told this about itself should stop: its data directory is not the one that its
// peers know. The other reasons are mistakes in addresses or certificates, or an old program, which an operator may correct
// meanwhile. Another cluster is one of them: it speaks about itself only, and a stranger at a member's address must not end
// the members of a healthy cluster. That both sides refuse each other is enough.
func (r *Refusal) Fatal() bool {
	switch r.Reason {
	case ReasonOtherIncarnation, ReasonStaleBoot, ReasonRemoved:
		return true
	default:
		return false
	}
}

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// parseRefusal reads the travelling form; nil when s is empty.
func parseRefusal(s string) *Refusal {
	if s == "" {
		return nil
	}
	if head, text, ok := strings.Cut(s, ": "); ok && slices.Contains(reasons, Reason(head)) {
		return &Refusal{Reason: Reason(head), Text: text}
	}
	return &Refusal{Reason: ReasonOther, Text: s}
}

// refusalError is what the acceptor of a stream returns.
func refusalError(r *Refusal) error { return status.Error(codes.FailedPrecondition, r.Error()) }

// refusalOf finds the refusal in what a call returned; nil when it was something else.
func refusalOf(err error) *Refusal {
	if s, ok := status.FromError(err); ok && s.Code() == codes.FailedPrecondition {
		return parseRefusal(s.Message())
	}
	return nil
}
