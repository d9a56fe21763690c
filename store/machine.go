package store

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/proto/internalv1"
)

const (
	tokenBytes     = 32
	requestBytes   = 16
	clusterIDBytes = 16
)

// machine is the deterministic heart: commands in, answers and changed keys out. It has no clock, no randomness and no
// goroutine; what it reads is the state and what it writes goes to the active overlay. Apply's goroutine owns it.
type machine struct {
	layers
	active    *overlay
	clusterID []byte

	globals      *internalv1.GlobalsRecord
	globalsDirty bool
	accounts     cache[uint64, *hotAccount]
	names        cache[string, uint64]
	sessions     cache[[tokenBytes]byte, *internalv1.SessionRecord]
	convs        cache[uint64, *hotConversation]
	directs      cache[[2]uint64, uint64]
	members      cache[[2]uint64, *hotMember]
	rooms        cache[string, uint64]
	roomMembers  cache[[2]uint64, *hotRoomMember]
	dirty        []hot

	// The entry being applied.
	index, term uint64
	stampMS     int64
	ordinal     uint32
	// The command being applied.
	wroteKeys, wroteBytes int
	request               []byte
	keyBuf                [maxKeyBytes]byte
	digestBuf, valueBuf   []byte
	// What a send writes, filled anew each time: no field of them is set anywhere else.
	scratch struct {
		message internalv1.MessageRecord
		place   internalv1.PlaceRecord
		author  internalv1.AuthoredRecord
		answer  internalv1.AnswerRecord
		event   internalv1.EventRecord
	}
	target  string // the conversation as the present send names it, folded
	sent    []byte // the marshalled answer of a message that was sent
	replies []byte // what keepReply has given out, and room for more

	// What the watchers are told when the batch is published.
	events []emitted
	ended  []endedSessions

	// Kept to answer Work without a read.
	erasing    int
	littered   int    // placeholders that EraseSlice has something to remove of
	membersAt  uint64 // index of the last change of a member record since the store was opened
	movedAt    uint64 // index of the last change of who is a member of a room since then
	nextExpiry int64  // earliest key of the expiry table, or earlier; noExpiry when it is empty

	hash func() (multiset, error) // of the settled state
	mark func(multiset)           // records a HashMark
}

const noExpiry = int64(^uint64(0) >> 1)

func (m *machine) key() []byte { return m.keyBuf[:0] }

func (m *machine) resetCaches() {
	m.accounts = newCache[uint64, *hotAccount]()
	m.names = newCache[string, uint64]()
	m.sessions = newCache[[tokenBytes]byte, *internalv1.SessionRecord]()
	m.convs = newCache[uint64, *hotConversation]()
	m.directs = newCache[[2]uint64, uint64]()
	m.members = newCache[[2]uint64, *hotMember]()
	m.rooms = newCache[string, uint64]()
	m.roomMembers = newCache[[2]uint64, *hotRoomMember]()
	m.dirty = nil
}

// load takes over the state that the layers hold.
func (m *machine) load() error {
	m.resetCaches()
	m.globalsDirty = false
	g, err := load[internalv1.GlobalsRecord](&m.layers, keyGlobals(m.key()))
	if err != nil {
		return err
	}
	if g == nil {
		g = &internalv1.GlobalsRecord{ClusterVersion: 1}
	}
	if err := knownVersion(m.path, g); err != nil {
		return err
	}
	m.globals = g
	m.erasing = 0
	it := m.scan([]byte{tagErase}, []byte{tagErase + 1}, false)
	for it.next() {
		m.erasing++
	}
	if it.err != nil {
		return it.err
	}
	m.littered = 0
	it = m.scan([]byte{tagLitter}, []byte{tagLitter + 1}, false)
	for it.next() {
		m.littered++
	}
	if it.err != nil {
		return it.err
	}
	return m.findNextExpiry()
}

func (m *machine) findNextExpiry() error {
	m.nextExpiry = noExpiry
	it := m.scan([]byte{tagExpiry}, []byte{tagExpiry + 1}, false)
	if it.next() {
		m.nextExpiry = int64(u64At(it.key, 0))
	}
	return it.err
}

// settle writes what the hot records owe. The state is then the layers and nothing else.
func (m *machine) settle() error {
	keys, bytes := m.wroteKeys, m.wroteBytes
	defer func() { m.wroteKeys, m.wroteBytes = keys, bytes }() // not the present command's
	for _, h := range m.dirty {
		if err := h.write(m); err != nil {
			return err
		}
	}
	m.dirty = m.dirty[:0]
	if m.globalsDirty {
		m.globalsDirty = false
		if err := m.put(keyGlobals(m.key()), m.globals); err != nil {
			return err
		}
	}
	m.accounts.age()
	m.names.age()
	m.sessions.age()
	m.convs.age()
	m.directs.age()
	m.members.age()
	m.rooms.age()
	m.roomMembers.age()
	return nil
}

func (m *machine) writeHot(s *hotState, key []byte, r proto.Message) error {
	s.dirty = false
	if s.gone {
		return nil
	}
	return m.put(key, r)
}

// put stores a record under a key that may exist.
func (m *machine) put(key []byte, r proto.Message) error { return m.store(key, r, 0) }

// insert stores a record under a key that no layer has: its numbers were never used before.
func (m *machine) insert(key []byte, r proto.Message) error { return m.store(key, r, itemFresh) }

func (m *machine) store(key []byte, r proto.Message, flags uint8) error {
	value, err := appendRecord(m.valueBuf[:0], r)
	if err != nil {
		return fmt.Errorf("marshal %s: %w", describeKey(key), err)
	}
	m.valueBuf = value
	m.write(key, value, flags)
	return nil
}

// write stores a copy of a marshalled record.
func (m *machine) write(key, value []byte, flags uint8) {
	m.countKey(len(key) + len(value))
	m.active.set(key, value, flags)
}

// remove deletes a key.
func (m *machine) remove(key []byte) {
	m.countKey(len(key))
	m.active.set(key, nil, itemGone)
}

func (m *machine) countKey(bytes int) {
	m.wroteKeys++
	m.wroteBytes += bytes
}

func (m *machine) touchGlobals() {
	m.countKey(0)
	m.globalsDirty = true
}

// beginEntry moves the clock to an entry's stamp: never back, and an hour at the most, so that one leader's wrong clock
// does not expire everything. The first stamp sets it. Entries without a stamp leave it.
func (m *machine) beginEntry(e *Entry) {
	m.index, m.term, m.ordinal = e.Index, e.Term, 0
	m.stampMS = e.StampMS
	if e.StampMS <= 0 {
		m.stampMS = m.globals.GetClockMs()
		return
	}
	clock := e.StampMS
	if now := m.globals.GetClockMs(); now != 0 {
		clock = max(now, min(e.StampMS, now+MaxClockStepMS))
	}
	if clock != m.globals.GetClockMs() {
		m.globals.ClockMs = clock
		m.globalsDirty = true
	}
}

func (m *machine) clock() int64 { return m.globals.GetClockMs() }

// nextPosition numbers the next event of the entry.
func (m *machine) nextPosition() position {
	p := position{index: m.index, ordinal: m.ordinal}
	m.ordinal++
	return p
}

// apply carries out one command and returns its marshalled Result. An error is fatal.
func (m *machine) apply(cmd []byte) ([]byte, error) {
	m.wroteKeys, m.wroteBytes, m.sent = 0, 0, m.sent[:0]
	var r *internalv1.Result
	var err error
	if c, ok := parseSend(cmd); ok { // of version 1, which every cluster has
		m.request = c.request
		r, err = m.sendMessage(&c)
	} else {
		r, err = m.applyAny(cmd)
	}
	if err != nil {
		return nil, err
	}
	if m.wroteKeys > MaxCommandKeys || m.wroteBytes > MaxCommandWriteBytes {
		return nil, fmt.Errorf("the command wrote %d keys and %d bytes, more than %d and %d", m.wroteKeys, m.wroteBytes,
			MaxCommandKeys, MaxCommandWriteBytes)
	}
	if len(m.sent) > 0 {
		return m.keepReply(m.sent), nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("marshal the result: %w", err)
	}
	return b, nil
}

// applyAny carries out a command in whatever form it is encoded.
func (m *machine) applyAny(cmd []byte) (*internalv1.Result, error) {
	var c internalv1.Command
	if err := proto.Unmarshal(cmd, &c); err != nil {
		return nil, fmt.Errorf("the command does not parse: %w", err)
	}
	version := CommandVersion(cmd)
	if version == UnknownCommand || hasUnknown(&c) {
		return nil, unknownCommand(cmd)
	}
	m.request = c.GetRequestId()
	if r := m.refuseAbove(version); r != nil {
		return r, nil
	}
	return m.dispatch(&c)
}

// keepReply copies a reply into memory that a few share: each lives until its waiter has it.
func (m *machine) keepReply(b []byte) []byte {
	if len(m.replies)+len(b) > cap(m.replies) {
		m.replies = make([]byte, 0, repliesBytes)
	}
	n := len(m.replies)
	m.replies = append(m.replies, b...)
	return m.replies[n:len(m.replies):len(m.replies)]
}

var commandBody = (&internalv1.Command{}).ProtoReflect().Descriptor().Oneofs().ByName("body")

// hasUnknown says whether a command is, or has, something that this program does not know. To carry out the rest of it
// would make this node's state another than the others'.
func hasUnknown(c *internalv1.Command) bool {
	m := c.ProtoReflect()
	body := m.WhichOneof(commandBody)
	return body == nil || len(m.GetUnknown()) != 0 || unknownBelow(m.Get(body).Message())
}

// unknownBelow also looks into the messages inside of a message; few commands have any.
func unknownBelow(m protoreflect.Message) bool {
	if len(m.GetUnknown()) != 0 {
		return true
	}
	for fields, i := m.Descriptor().Fields(), 0; i < fields.Len(); i++ {
		f := fields.Get(i)
		switch {
		case f.Message() == nil:
		case f.IsList():
			for l, j := m.Get(f).List(), 0; j < l.Len(); j++ {
				if unknownBelow(l.Get(j).Message()) {
					return true
				}
			}
		case m.Has(f) && unknownBelow(m.Get(f).Message()):
			return true
		}
	}
	return false
}

// dispatch sends a command to its handler. Each handler validates everything first and writes after.
func (m *machine) dispatch(c *internalv1.Command) (*internalv1.Result, error) {
	switch b := c.GetBody().(type) {
	case *internalv1.Command_SendMessage:
		return m.sendMessage(&send{
			session: c.GetSession(), conversation: []byte(b.SendMessage.GetConversation()), text: []byte(b.SendMessage.GetText()),
		})
	case *internalv1.Command_PostMessage:
		return m.postMessage(c, b.PostMessage)
	case *internalv1.Command_EditMessage:
		return m.editMessage(c, b.EditMessage)
	case *internalv1.Command_Annotate:
		return m.annotate(c, b.Annotate)
	case *internalv1.Command_SetReadMark:
		return m.setReadMark(c, b.SetReadMark)
	case *internalv1.Command_SetMute:
		return m.setMute(c, b.SetMute)
	case *internalv1.Command_CreateRoom:
		return m.createRoom(c, b.CreateRoom)
	case *internalv1.Command_UpdateRoom:
		return m.updateRoom(c, b.UpdateRoom)
	case *internalv1.Command_SetMembership:
		return m.setMembership(c, b.SetMembership)
	case *internalv1.Command_MarkRead:
		return m.markRead(c, b.MarkRead)
	case *internalv1.Command_DeleteMessages:
		return m.deleteMessages(c, b.DeleteMessages)
	case *internalv1.Command_CreateUser:
		return m.createUser(b.CreateUser)
	case *internalv1.Command_Login:
		return m.login(b.Login)
	case *internalv1.Command_Logout:
		return m.logout(c)
	case *internalv1.Command_RevokeSession:
		return m.revokeSession(c, b.RevokeSession)
	case *internalv1.Command_ChangePassword:
		return m.changePassword(c, b.ChangePassword)
	case *internalv1.Command_DeleteUser:
		return m.deleteUser(c, b.DeleteUser)
	case *internalv1.Command_SetOperator:
		return m.setOperator(c, b.SetOperator)
	case *internalv1.Command_ResetPassword:
		return m.resetPassword(c, b.ResetPassword)
	case *internalv1.Command_UpdateProfile:
		return m.updateProfile(c, b.UpdateProfile)
	case *internalv1.Command_SetBlock:
		return m.setBlock(c, b.SetBlock)
	case *internalv1.Command_SuspendUser:
		return m.suspendUser(c, b.SuspendUser)
	case *internalv1.Command_RemoveUser:
		return m.removeUser(c, b.RemoveUser)
	case *internalv1.Command_UpdateSettings:
		return m.updateSettings(c, b.UpdateSettings)
	case *internalv1.Command_CreateInvite:
		return m.createInvite(c, b.CreateInvite)
	case *internalv1.Command_RevokeInvite:
		return m.revokeInvite(c, b.RevokeInvite)
	case *internalv1.Command_RegisterUser:
		return m.registerUser(c, b.RegisterUser)
	case *internalv1.Command_CreateBot:
		return m.createBot(c, b.CreateBot)
	case *internalv1.Command_DeleteBot:
		return m.deleteBot(c, b.DeleteBot)
	case *internalv1.Command_AnnounceMember:
		return m.announceMember(b.AnnounceMember)
	case *internalv1.Command_RaiseClusterVersion:
		return m.raiseClusterVersion(b.RaiseClusterVersion)
	case *internalv1.Command_ChangeMembers:
		return m.changeMembers(c, b.ChangeMembers)
	case *internalv1.Command_HashMark:
		return m.hashMark()
	case *internalv1.Command_EraseSlice:
		return m.eraseSlice()
	case *internalv1.Command_ExpireSlice:
		return m.expireSlice()
	case *internalv1.Command_RetainSlice:
		return m.retainSlice()
	default:
		return nil, fmt.Errorf("no handler for %T", b) // a test walks them all
	}
}

func done() *internalv1.Result {
	return &internalv1.Result{Outcome: &internalv1.Result_Done{Done: &internalv1.Done{}}}
}
