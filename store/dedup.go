package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"parley/proto/internalv1"
)

// Exactly once: the answer to every command that changed something is kept under (account, request id), or under
// (name, request id) where there is no account to speak of yet, together with a digest of what was asked. Refusals are
// not kept. See DESIGN.md section 3 for how long.

// digestBytes is how much of a SHA-256 tells two requests apart.
const digestBytes = 16

// fields gathers a request's fields for its digest: each with its length in front, in a fixed order, after the kind.
// Salted hashes and what the edge looked up are left out, for a retry makes them anew.
type fields struct {
	m *machine
	b []byte
}

func (m *machine) fields(kind string) fields {
	return fields{m: m, b: append(binary.AppendUvarint(m.digestBuf[:0], uint64(len(kind))), kind...)}
}

func (f fields) str(s string) fields {
	f.b = append(binary.AppendUvarint(f.b, uint64(len(s))), s...)
	return f
}

func (f fields) bytes(s []byte) fields {
	f.b = append(binary.AppendUvarint(f.b, uint64(len(s))), s...)
	return f
}

func (f fields) num(n uint64) fields {
	f.b = binary.BigEndian.AppendUint64(f.b, n)
	return f
}

func (f fields) flag(b bool) fields {
	if b {
		return f.num(1)
	}
	return f.num(0)
}

func (f fields) digest() [digestBytes]byte {
	f.m.digestBuf = f.b
	sum := sha256.Sum256(f.b)
	return [digestBytes]byte(sum[:])
}

// scope is under whose name a request's answer is kept.
type scope struct {
	account *hotAccount // or
	name    string
}

func (s scope) key(dst, request []byte) []byte {
	if s.account != nil {
		return keyAnswer(dst, s.account.id, request)
	}
	return keyNamedAnswer(dst, s.name, request)
}

// answered returns the answer that this request was given before, a refusal when its id may not be used, or nil when
// the request is new.
func (m *machine) answered(s scope, digest [digestBytes]byte) (*internalv1.Result, error) {
	if len(m.request) != requestBytes {
		return refuseField("request_id", "must be a UUID"), nil
	}
	// Ids that the clients make ascend, so nearly every new one is greater than all before it.
	if s.account == nil || bytes.Compare(m.request, s.account.GetGreatestRequest()) <= 0 {
		a, err := load[internalv1.AnswerRecord](&m.layers, s.key(m.key(), m.request))
		if err != nil {
			return nil, err
		}
		if a != nil {
			if !bytes.Equal(a.GetDigest(), digest[:]) {
				return refuse(internalv1.Reason_REASON_REQUEST_ID_REUSED, "request_id",
					"this id was used for another request; make a new one"), nil
			}
			return m.recompose(a)
		}
	}
	if ms, ok := uuid7MS(m.request); ok && ms < m.clock()-AnswerLifeMS {
		return refuse(internalv1.Reason_REASON_REQUEST_ID_EXPIRED, "request_id",
			"this id is older than 30 days; make a new one"), nil
	}
	return nil, nil
}

func (m *machine) recompose(a *internalv1.AnswerRecord) (*internalv1.Result, error) {
	if a.GetConversation() != 0 {
		return m.recomposeSend(a.GetConversation(), a.GetSeq())
	}
	r := new(internalv1.Result)
	if err := proto.Unmarshal(a.GetResult(), r); err != nil {
		return nil, &ContradictionError{Err: err}
	}
	if sent := r.GetSend(); sent != nil && sent.GetConversation() == "" {
		sent.Conversation = m.target
	}
	return r, nil
}

// record keeps the answer to the present request. Those with a version 7 id go after a while: then the id itself is too
// old to be executed again. Others stay for ever.
func (m *machine) record(s scope, digest [digestBytes]byte, r *internalv1.Result) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return err
	}
	a := &internalv1.AnswerRecord{Digest: digest[:], Result: b}
	if ms, ok := uuid7MS(m.request); ok {
		a.ExpiresUnixMs = max(m.clock(), ms) + AnswerLifeMS
	}
	key := s.key(m.key(), m.request)
	if err := m.insert(key, a); err != nil {
		return err
	}
	if a.ExpiresUnixMs != 0 {
		if err := m.expireAt(a.ExpiresUnixMs, bytes.Clone(key)); err != nil {
			return err
		}
	}
	m.sawRequest(s)
	return nil
}

// recordSend keeps the answer to a sent message as the place of the message, for as long as that exists.
func (m *machine) recordSend(a *hotAccount, digest [digestBytes]byte, conv, seq uint64) error {
	r := &m.scratch.answer
	r.Digest, r.Conversation, r.Seq = append(r.Digest[:0], digest[:]...), conv, seq
	if err := m.insert(keyAnswer(m.key(), a.id, m.request), r); err != nil {
		return err
	}
	m.sawRequest(scope{account: a})
	return nil
}

func (m *machine) sawRequest(s scope) {
	if s.account != nil && bytes.Compare(m.request, s.account.GetGreatestRequest()) > 0 {
		s.account.GreatestRequest = append(s.account.GreatestRequest[:0], m.request...)
		m.touchAccount(s.account)
	}
}

// expireAt puts a key on the list that ExpireSlice works off.
func (m *machine) expireAt(unixMS int64, key []byte) error {
	m.nextExpiry = min(m.nextExpiry, unixMS)
	return m.insert(keyExpiry(m.key(), unixMS, key), &internalv1.MarkRecord{})
}

// uuid7MS returns the time in a version 7 UUID (RFC 9562, section 5.7).
func uuid7MS(id []byte) (int64, bool) {
	if len(id) != requestBytes || id[6]>>4 != 7 || id[8]>>6 != 2 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(id[:8]) >> 16), true
}
