package sim

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"parley/node"
	"parley/proto/internalv1"
	"parley/raftlog"
	"parley/store"
)

var clusterID = []byte("simulated-world!")

// replica is one machine: its disks outlive a crash, the node on it does not.
type replica struct {
	w       *world
	id      uint64
	name    string
	logDisk *raftlog.MemDisk
	stDisk  *store.MemDisk
	saved   map[uint64]uint64 // index -> hash of the record on the log's disk
	flushed uint64            // index that the store's disk holds

	s        *node.Stepper // nil while the machine is down
	self     *internalv1.Identity
	life     int  // counts starts and crashes: what was planned in one life does not happen in another
	gone     bool // removed for good
	frozen   time.Duration
	skew     int64 // of the wall clock, milliseconds
	slow     time.Duration
	doom     doom
	turnSet  bool
	saving   bool
	applying bool
	timer    time.Duration
	sending  map[uint64]bool   // store files on their way
	heard    map[uint64]uint64 // boot of the peer that was accepted last
}

// birth makes the first members and starts them, and the clients.
func (w *world) birth() {
	conf := new(pb.ConfState)
	for id := uint64(1); id <= uint64(w.o.Nodes); id++ {
		conf.Voters = append(conf.Voters, id)
	}
	cs, err := proto.Marshal(conf)
	w.must(err)
	w.law.confs, w.law.conf = []configuration{{1, conf}}, conf
	for id := uint64(1); id <= uint64(w.o.Nodes); id++ {
		r := w.newReplica(id, fmt.Sprintf("n%d", id))
		r.stDisk = store.NewMemDisk(clusterID, store.Mark{Index: 1, Term: 1, ConfState: cs})
		one := uint64(1)
		r.format(1, &pb.HardState{Term: &one, Commit: &one})
		r.flushed = 1
		r.start()
	}
	for i := range w.weather.clients {
		w.clients = append(w.clients, w.newClient(i))
	}
	if w.weather.members {
		w.operator = w.newOperator()
	}
}

func (w *world) newReplica(id uint64, name string) *replica {
	r := &replica{w: w, id: id, name: name, saved: map[uint64]uint64{}}
	r.logDisk = raftlog.NewMemDisk(raftlog.Identity{ID: id, Name: name, ClusterID: clusterID, Incarnation: r.incarnation()})
	w.replicas = append(w.replicas, r)
	return r
}

// incarnation is what is random in a data directory.
func (r *replica) incarnation() []byte {
	sum := sha256.Sum256([]byte(r.name))
	return sum[:16]
}

// format begins the log, as forming or joining does.
func (r *replica) format(index uint64, hs *pb.HardState) {
	log, err := raftlog.OpenDisk(r.logDisk, raftlog.Options{})
	r.w.must(err)
	r.w.must(log.Reset(index, index, hs))
	r.w.must(log.Close())
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

func (w *world) temp() string {
	w.temps++
	return filepath.Join(w.dir, fmt.Sprintf("%d.tmp", w.temps))
}

func (r *replica) address() string { return fmt.Sprintf("n%d:1", r.id) }

// nonce is what is random in a life.
func (r *replica) nonce(life int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", r.id, life))
	return sum[:16]
}

// start is a process start.
func (r *replica) start() {
	w := r.w
	r.life++
	r.frozen, r.turnSet, r.saving, r.applying, r.timer = 0, false, false, false, 0
	r.sending, r.heard = map[uint64]bool{}, map[uint64]uint64{}
	s, err := node.OpenStepper(node.StepperConfig{
		Log: r.logDisk, Store: r.stDisk, Nonce: r.nonce(r.life), RetainEntries: w.weather.retain, OverlayBytes: w.weather.overlay,
		PeerAddress: r.address(),
	})
	w.must(err)
	r.s, r.self = s, s.Self()
	r.logDisk.OnCommit(r.commit)
	r.stDisk.OnCommit(r.commitStore)
	w.note("start", r.id, r.self.GetBoot(), s.State().Applied)
	w.law.restarted(r, s.State())
	r.after(w.between(0, node.TickInterval), r.tick)
	r.after(w.between(w.weather.flushHi/2, w.weather.flushHi), r.flush)
	r.after(w.between(0, 500*time.Millisecond), r.housekeep)
	r.wake()
}

// crash loses everything that is not on a disk. Peers notice that the streams ended.
func (r *replica) crash(why string) {
	w := r.w
	w.note("crash: "+why, r.id)
	w.counts.Crashes++
	boot := r.self.GetBoot()
	r.s, r.doom = nil, 0
	r.life++
	r.logDisk.OnCommit(nil)
	r.stDisk.OnCommit(nil)
	for _, other := range w.replicas {
		if other != r && other.s != nil && !w.cut(r.id, other.id) {
			other.after(w.between(200*time.Microsecond, 3*time.Millisecond), func() {
				other.s.LinkDown(r.id, boot)
				other.wake()
			})
		}
	}
}

// after plans something that this life of the node does; a frozen node does it later.
func (r *replica) after(d time.Duration, run func()) { r.at(r.w.now+d, run) }

func (r *replica) at(t time.Duration, run func()) {
	life := r.life
	r.w.at(t, func() {
		switch {
		case r.life != life || r.s == nil:
		case r.frozen > r.w.now:
			r.at(r.frozen, run)
		default:
			run()
		}
	})
}

func (r *replica) resume() { r.frozen = min(r.frozen, r.w.now) }

func (r *replica) advance() {
	r.s.Advance(r.w.now, wallStart+r.w.now.Milliseconds()+r.skew)
}

func (r *replica) tick() {
	r.advance()
	r.s.Tick()
	r.wake()
	r.after(node.TickInterval, r.tick)
}

// housekeep announces this start, as a node's housekeeper does.
func (r *replica) housekeep() {
	r.advance()
	r.s.Housekeep()
	r.wake()
	r.after(time.Second, r.housekeep)
}

// wake has the loop take a turn soon; what arrives until then is taken in the same turn.
func (r *replica) wake() {
	if !r.turnSet {
		r.turnSet = true
		r.after(r.w.between(0, 200*time.Microsecond), r.turn)
	}
}

// turn is the loop's: the core acts, and what it asks for is handed out.
func (r *replica) turn() {
	w := r.w
	r.turnSet = false
	r.advance()
	out := r.s.Ready()
	if out.Changed {
		st := r.s.State()
		w.note("role", r.id, uint64(st.Role), st.Term, st.Leader)
		w.law.role(r, st)
	}
	sends := len(out.Messages)
	if r.doom == doomSend && sends > 0 {
		sends = w.rng.IntN(sends)
	}
	for _, m := range out.Messages[:sends] {
		w.send(r, m)
	}
	if r.doom == doomSend && len(out.Messages) > 0 {
		r.die()
		return
	}
	for _, h := range out.HandOns {
		r.handOn(h)
	}
	for _, m := range out.Snapshots {
		r.sendFile(m)
	}
	for _, p := range out.Probes {
		r.probe(p)
	}
	r.work()
	if at := r.s.Deadline(); at != 0 && at != r.timer {
		r.timer = at
		r.at(at, r.wake)
	}
}
