package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto/internalv1"
)

const (
	// MaxClusterVersion is the highest cluster version whose commands this program knows. The replicated cluster version is
	// the least that the members announced; no command above it is proposed. A change of what Apply does is a new version
	// too.
	MaxClusterVersion = 3
	// UnknownCommand is the version of a command that this program does not know: no cluster has it.
	UnknownCommand = math.MaxUint32
)

// commandVersions is the least cluster version of each command, by the field number of its body in Command.
var commandVersions = [...]uint32{
	10: 1, // create_user
	11: 1, // login
	12: 1, // logout
	13: 1, // change_password
	14: 1, // revoke_session
	15: 1, // send_message
	16: 1, // mark_read
	17: 1, // delete_messages
	18: 1, // delete_user
	19: 3, // post_message
	20: 3, // edit_message
	21: 3, // annotate
	22: 3, // set_read_mark
	23: 3, // set_mute
	24: 3, // create_room
	25: 3, // update_room
	26: 3, // set_membership
	27: 3, // update_profile
	28: 3, // set_block
	30: 1, // set_operator
	31: 1, // reset_password
	32: 3, // suspend_user
	33: 3, // remove_user
	34: 3, // update_settings
	35: 3, // create_invite
	36: 3, // revoke_invite
	37: 3, // register_user
	38: 3, // create_bot
	39: 3, // delete_bot
	50: 1, // announce_member
	51: 1, // raise_cluster_version
	52: 1, // hash_mark
	53: 1, // erase_slice
	54: 1, // expire_slice
	55: 2, // change_members
	56: 3, // retain_slice
}

// The fields of Command beside its body.
const (
	fieldRequestID protowire.Number = 1
	fieldSession   protowire.Number = 2
)

// CommandVersion returns the least cluster version that a marshalled command needs, UnknownCommand for one that this
// program does not know, or that does not parse. It looks at the outermost field numbers only, so it costs nothing.
func CommandVersion(cmd []byte) uint32 {
	_, v := commandVersion(cmd)
	return v
}

// commandVersion also returns the field that decided.
func commandVersion(cmd []byte) (field protowire.Number, version uint32) {
	version = UnknownCommand // of a command without a body
	known := false
	for len(cmd) > 0 {
		num, typ, n := protowire.ConsumeTag(cmd)
		if n < 0 {
			return field, UnknownCommand
		}
		m := protowire.ConsumeFieldValue(num, typ, cmd[n:])
		if m < 0 {
			return num, UnknownCommand
		}
		cmd = cmd[n+m:]
		switch {
		case num == fieldRequestID, num == fieldSession:
		case int(num) >= len(commandVersions) || commandVersions[num] == 0:
			return num, UnknownCommand
		case !known || commandVersions[num] > version:
			field, version, known = num, commandVersions[num], true
		}
	}
	return field, version
}

// errUnknownCommand stops a node that meets a command from a later version.
var errUnknownCommand = errors.New("this program is older than the cluster; upgrade this node to the version that the " +
	"others run and start it again: nothing is lost")

// unknownCommand names what this program does not know of a command.
func unknownCommand(cmd []byte) error {
	switch field, v := commandVersion(cmd); {
	case v == UnknownCommand && field != 0:
		return fmt.Errorf("unknown command (field %d): %w", field, errUnknownCommand)
	case v == UnknownCommand:
		return fmt.Errorf("a command without a body: %w", errUnknownCommand)
	default:
		return fmt.Errorf("the command of field %d has a part that is not known: %w", field, errUnknownCommand)
	}
}

// refuseAbove refuses a command above the cluster version. No leader gives one to raft, so this is never seen; if it were,
// every program that knows the command leaves the state as one does that stopped at it and was upgraded since.
func (m *machine) refuseAbove(version uint32) *internalv1.Result {
	if version <= m.globals.GetClusterVersion() {
		return nil
	}
	return refuse(internalv1.Reason_REASON_CLUSTER_VERSION_TOO_LOW, "",
		"the cluster is at version %d, this needs %d; upgrade every node, then try again", m.globals.GetClusterVersion(), version)
}

// tooNew says that the state is of a cluster version that this program does not know.
func tooNew(version uint32) error {
	return fmt.Errorf("the cluster is at version %d, this program knows up to %d: %w", version, MaxClusterVersion,
		errUnknownCommand)
}

// knownVersion refuses a state of a cluster version that this program does not know: it would misread it, or stop at the
// next command.
func knownVersion(path string, g *internalv1.GlobalsRecord) error {
	if v := g.GetClusterVersion(); v > MaxClusterVersion {
		return fmt.Errorf("store: %s: %w", cmp.Or(path, "the disk"), tooNew(v))
	}
	return nil
}

// raiseClusterVersion lets the commands of a version into the log. The leader proposes it when every member knows them; a
// member that went back to an older program since is asked here again, where the order is the log's.
func (m *machine) raiseClusterVersion(b *internalv1.RaiseClusterVersion) (*internalv1.Result, error) {
	if b.GetVersion() > MaxClusterVersion {
		return nil, tooNew(b.GetVersion())
	}
	if b.GetVersion() <= m.globals.GetClusterVersion() {
		return done(), nil
	}
	it := m.scan([]byte{tagNode}, []byte{tagNode + 1}, false)
	for it.next() {
		r, err := decode[internalv1.AnnounceMember](&m.layers, it.key, it.value)
		if err != nil {
			return nil, err
		}
		if r.GetRole() == roleRemoved || len(r.GetIncarnation()) == 0 {
			continue // gone, or not here yet: it is asked when it joins
		}
		if r.GetMaxClusterVersion() < b.GetVersion() {
			return refuse(internalv1.Reason_REASON_NOT_ALLOWED, "version", "member %s knows cluster versions up to %d",
				r.GetName(), r.GetMaxClusterVersion()), nil
		}
	}
	if it.err != nil {
		return nil, it.err
	}
	m.globals.ClusterVersion = b.GetVersion()
	m.touchGlobals()
	return done(), nil
}
