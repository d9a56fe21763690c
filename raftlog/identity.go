package raftlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Identity says whose log this is. It lives in the same file as votes and entries, so that none of them can be restored
// or copied without the others.
type Identity struct {
	// ID is the raft id, 0 until the node has been given one. Never reused.
	ID   uint64 `json:"id"`
	Name string `json:"name"`
	// ClusterID is 16 bytes, nil until the cluster has formed.
	ClusterID []byte `json:"cluster_id,omitempty"`
	// Incarnation is 16 random bytes minted when the data directory was made.
	Incarnation []byte `json:"incarnation"`
	// Boot counts the starts of this directory.
	Boot uint64 `json:"boot"`
}

func (id Identity) clone() Identity {
	id.ClusterID, id.Incarnation = bytes.Clone(id.ClusterID), bytes.Clone(id.Incarnation)
	return id
}

func (id Identity) validate() error {
	switch {
	case len(id.Name) > MaxNameBytes:
		return fmt.Errorf("%w: name of %d bytes, limit %d", ErrIdentity, len(id.Name), MaxNameBytes)
	case strings.ContainsFunc(id.Name, unprintable):
		return fmt.Errorf("%w: name %q has characters that do not print", ErrIdentity, id.Name)
	case len(id.ClusterID) != 0 && len(id.ClusterID) != identityBytes:
		return fmt.Errorf("%w: cluster id of %d bytes, want %d", ErrIdentity, len(id.ClusterID), identityBytes)
	case len(id.Incarnation) != identityBytes:
		return fmt.Errorf("%w: incarnation of %d bytes, want %d", ErrIdentity, len(id.Incarnation), identityBytes)
	}
	if n := len(id.encode()); n > maxMetaValueBytes {
		return fmt.Errorf("%w: encodes to %d bytes, limit %d", ErrIdentity, n, maxMetaValueBytes)
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

func (id Identity) encode() []byte {
	body, err := json.Marshal(id)
	if err != nil {
		panic(fmt.Sprintf("raftlog: marshal identity of %q: %v", id.Name, err)) // numbers and strings always marshal
	}
	return body
}

// replaces reports whether id may take the place of old. Within one incarnation a raft id is for ever and the boot
// number only rises: peers recognise a copied-back directory by it.
func (id Identity) replaces(old Identity) error {
	if err := id.validate(); err != nil || !bytes.Equal(id.Incarnation, old.Incarnation) {
		return err
	}
	switch {
	case old.ID != 0 && id.ID != old.ID:
		return fmt.Errorf("%w: id %d cannot become %d", ErrIdentity, old.ID, id.ID)
	case id.Boot < old.Boot:
		return fmt.Errorf("%w: boot number %d is below %d", ErrIdentity, id.Boot, old.Boot)
	}
	return nil
}

func identityRecord(id Identity) Record { return metaRecord(keyIdentity, id.encode()) }

func parseIdentity(body []byte) (Identity, error) {
	var id Identity
	if err := json.Unmarshal(body, &id); err != nil {
		return Identity{}, err
	}
	return id, id.validate()
}
