package node

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// An entry's data is an envelope: one byte of format, the leader's wall clock in Unix milliseconds (8 bytes, big-endian),
// then every command as a uvarint length and its bytes. A command's bytes are those the edge made, untouched.
const (
	envelopeFormat     = 1
	envelopeHeaderSize = 1 + 8
)

// errBadEnvelope is returned for an entry that this binary cannot read. The node stops: it must not skip what others apply.
var errBadEnvelope = errors.New("entry envelope is not readable by this version")

// appendEnvelopeHeader begins an envelope.
func appendEnvelopeHeader(b []byte, stampMS int64) []byte {
	b = append(b, envelopeFormat)
	return binary.BigEndian.AppendUint64(b, uint64(stampMS))
}

// appendCommand adds one command to an envelope.
func appendCommand(b, cmd []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(cmd)))
	return append(b, cmd...)
}

// commandSize is what appendCommand will add.
func commandSize(cmd []byte) int { return binary.MaxVarintLen32 + len(cmd) }

// parseEnvelope returns the stamp and the commands, which share memory with data.
func parseEnvelope(data []byte) (stampMS int64, cmds [][]byte, err error) {
	if len(data) < envelopeHeaderSize {
		return 0, nil, fmt.Errorf("%w: %d bytes are too few", errBadEnvelope, len(data))
	}
	if data[0] != envelopeFormat {
		return 0, nil, fmt.Errorf("%w: format %d, this version knows %d; upgrade this node", errBadEnvelope, data[0],
			envelopeFormat)
	}
	stampMS = int64(binary.BigEndian.Uint64(data[1:]))
	for rest := data[envelopeHeaderSize:]; len(rest) > 0; {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return 0, nil, fmt.Errorf("%w: command %d is cut short", errBadEnvelope, len(cmds))
		}
		cmds = append(cmds, rest[w:w+int(n):w+int(n)])
		rest = rest[w+int(n):]
	}
	return stampMS, cmds, nil
}
