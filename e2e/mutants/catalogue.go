package main

// mutant is one break of our own code.
type mutant struct {
	name string
	// breaks is the promise that no longer holds.
	breaks string
	file   string
	// edits are pairs: the first is replaced by the second, and must be in the file exactly once.
	edits [][2]string
	// by is who must notice.
	by judge
}

// dedupOff is used twice: a test and a torture must both notice it.
var dedupOff = [][2]string{{"if a != nil {\n\t\t\tif !bytes.Equal", "if a != nil && m == nil {\n\t\t\tif !bytes.Equal"}}

var mutants = []mutant{
	{
		name: "no-fsync", breaks: "what was saved is on the disk (P1)", file: "raftlog/append.go",
		edits: [][2]string{{"tx := &Tx{Log: l.enc.records}", "tx := &Tx{}"}},
		by:    simulator{},
	},
	{
		name: "answer-before-save", breaks: "a follower answers after its disk (P1)", file: "node/ready.go",
		edits: [][2]string{{
			"\t\t\tc.noteAnswers(m)\n",
			"\t\t\tc.noteAnswers(m)\n\t\t\tfor _, r := range m.GetResponses() {\n\t\t\t\tif r.GetTo() != c.id {\n" +
				"\t\t\t\t\tc.out.messages = append(c.out.messages, r)\n\t\t\t\t}\n\t\t\t}\n",
		}},
		by: simulator{},
	},
	{
		name: "ack-before-commit", breaks: "acknowledged means committed by a majority (P1)", file: "node/storage.go",
		edits: [][2]string{{"\treturn hs, cs, nil\n", "\tcs.Voters = cs.Voters[:1]\n\treturn hs, cs, nil\n"}},
		by:    simulator{},
	},
	{
		name: "vote-forgotten", breaks: "one leader per term", file: "node/append.go",
		edits: [][2]string{{"Vote: m.Vote, Commit: m.Commit}", "Commit: m.Commit}"}},
		by:    simulator{},
	},
	{
		name: "dedup-off", breaks: "a request takes effect once (P2)", file: "store/dedup.go", edits: dedupOff, by: simulator{},
	},
	{
		name: "applied-index-apart", breaks: "the applied index is in the transaction of its effects (P6)", file: "store/flush.go",
		edits: [][2]string{{
			"\tif err := h.commit(batch); err != nil {\n",
			"\ttx, err := h.disk.Begin()\n\tif err != nil {\n\t\treturn err\n\t}\n\told := append([]byte(nil), tx.Meta()...)\n\ttx.Close()\n" +
				"\tif err := h.commit(Batch{Writes: batch.Writes, Meta: old}); err != nil {\n\t\treturn err\n\t}\n" +
				"\tif err := h.commit(Batch{Meta: batch.Meta}); err != nil {\n",
		}},
		by: simulator{},
	},
	{
		name: "stale-read", breaks: "a read waits for a quorum and for Apply (P3)", file: "node/read.go",
		edits: [][2]string{{"\t\tq.waiting = append(q.waiting, r)\n\t\tq.readers += r.readers\n\t\treturn\n", ""}},
		by:    simulator{},
	},
	{
		name: "read-before-apply", breaks: "a read waits for Apply (P3)", file: "node/read.go",
		edits: [][2]string{{"q.confirmed[n].index <= c.applied {", "q.confirmed[n].index <= c.applied+3 {"}},
		by:    simulator{},
	},
	{
		name: "read-context-of-an-earlier-life", breaks: "an answer to an earlier life confirms no read (P3)", file: "node/core.go",
		edits: [][2]string{{"readQueue{round: c.boot << 32}", "readQueue{}"}},
		by:    tests{"./node", "^TestInteraction$"},
	},
	{
		name: "vote-before-save", breaks: "one log per term", file: "node/ready.go",
		edits: [][2]string{{"\t\t\tasked = append(asked, m)\n", "\t\t\tc.out.messages = append(c.out.messages, m)\n"}},
		by:    tests{"./node", "^TestInteraction$"},
	},
	{
		name: "only-voter-answers-at-once", breaks: "a new leader knows what is committed before it answers a read (P3)",
		file:  "node/read.go",
		edits: [][2]string{{"|| c.committedTerm == st.GetTerm()", "|| c.committedTerm <= st.GetTerm()"}},
		by:    tests{"./node", "^TestInteraction$"},
	},
	{
		name: "map-order", breaks: "Apply is a pure function of the log (P6)", file: "store/apply.go",
		edits: [][2]string{{
			"\t\tfor j, cmd := range e.Commands {\n",
			"\t\tunordered := map[int][]byte{}\n\t\tfor j, cmd := range e.Commands {\n\t\t\tunordered[j] = cmd\n\t\t}\n" +
				"\t\tfor j, cmd := range unordered {\n",
		}},
		by: simulator{},
	},
	{
		name: "lost-flush", breaks: "what was flushed is on the disk (P1)", file: "store/flush.go",
		edits: [][2]string{{"h.commit(batch)", "h.commit(Batch{Meta: batch.Meta})"}},
		by:    simulator{},
	},
	{
		name: "compacts-what-is-not-flushed", breaks: "the log continues the store (P1)", file: "node/compact.go",
		edits: [][2]string{{"\treturn min(to, flushed)\n", "\treturn max(to, min(last, flushed+2))\n"}},
		by:    simulator{},
	},
	{
		name: "joint-half-forgotten", breaks: "a joint configuration survives a restart (P1)", file: "node/apply.go",
		edits: [][2]string{{"\tcs, err := proto.Marshal(conf)\n", "\tconf.VotersOutgoing = nil\n\tcs, err := proto.Marshal(conf)\n"}},
		by:    simulator{},
	},
	{
		name: "change-of-members-twice", breaks: "a change of members takes effect once", file: "node/confchange.go",
		edits: [][2]string{{"if index <= c.restored {", "if index > index+c.restored {"}},
		by:    tests{"./node", "^TestInteraction$"},
	},
	{
		name: "stream-skips", breaks: "a stream resumes without a gap (P4)", file: "store/watch.go",
		edits: [][2]string{{"\t\t\tw.pos = pos\n", "\t\t\tw.pos = pos\n\t\t\tw.pos.index++\n"}},
		by:    simulator{},
	},
	{
		name: "no-crc-in-the-log", breaks: "bad bytes are never served (P8)", file: "raftlog/record.go",
		edits: [][2]string{{"want != got {", "want != got && want == got {"}},
		by:    tests{"./raftlog", "Damage|Flip|Corrupt|Check"},
	},
	{
		name: "no-crc-in-the-store", breaks: "bad bytes are never served (P8)", file: "store/frame.go",
		edits: [][2]string{{"if n < 0 || checksum(", "if n < 0 || n < -1 && checksum("}},
		by:    tests{"./store", "Damage|Flip|Corrupt"},
	},
	{
		name: "dedup-off-under-kills", breaks: "a request takes effect once (P2)", file: "store/dedup.go", edits: dedupOff,
		by: tests{"./e2e", "^TestKillLeader$"},
	},
	{
		name: "no-fsync-under-kills", breaks: "an acknowledged write survives (P1)", file: "raftlog/append.go",
		edits: [][2]string{{"tx := &Tx{Log: l.enc.records}", "tx := &Tx{}"}},
		by:    tests{"./e2e", "^TestKillAll$"},
	},
	{
		name: "push-by-polling", breaks: "delivery is pushed by Apply, no timer drives it (P4)", file: "store/watch.go",
		edits: [][2]string{
			{"case <-w.wake:", "case <-time.After(FlushInterval):"},
			{"\t\"sync\"\n", "\t\"sync\"\n\t\"time\"\n"},
		},
		by: tests{"./e2e", "^TestDeliveryWithoutTimers$"},
	},
	{
		name: "stale-reads-served", breaks: "reads are linearizable on every node (P3)", file: "node/node.go",
		edits: [][2]string{{
			"func (n *Node) ReadBarrier(ctx context.Context) error {\n",
			"func (n *Node) ReadBarrier(ctx context.Context) error {\n\tif ctx != nil {\n\t\treturn nil\n\t}\n",
		}},
		by: tests{"./e2e", "^TestReadAfterWrite$"},
	},
	{
		name: "version-gate-open", breaks: "a leader gives raft no command above the cluster version", file: "node/propose.go",
		edits: [][2]string{{"if store.CommandVersion(p.cmd) <= version {", "if store.CommandVersion(p.cmd) > 0 {"}},
		by:    tests{"./node", "^TestClusterVersionWaitsForEveryMember$"},
	},
	{
		name: "old-program-accepted", breaks: "a program below the cluster version takes no part", file: "node/version.go",
		edits: [][2]string{{"if id.GetMaxClusterVersion() >= version {", "if id.GetMaxClusterVersion() > 0 {"}},
		by:    tests{"./node", "^TestClusterVersionWaitsForEveryMember$"},
	},
	{
		name: "identity-unchecked", breaks: "a copied-back directory is refused (P1)", file: "node/peer/identity.go",
		edits: [][2]string{{
			"func (t *Transport) accept(id *internalv1.Identity) *Refusal {\n",
			"func (t *Transport) accept(id *internalv1.Identity) *Refusal {\n\tif id != nil {\n\t\treturn nil\n\t}\n",
		}},
		by: tests{"./e2e", "^TestCopiedBackDirectory$"},
	},
	{
		name: "sends-of-non-members", breaks: "who is not a member of a room sends nothing to it", file: "store/apply_rank.go",
		edits: [][2]string{{
			"err == nil && rank < rankMember {\n\t\t\trefusal = refuseNotMember", "err == nil && rank < rankBanned {\n\t\t\trefusal = refuseNotMember",
		}},
		by: simulator{},
	},
	{
		name: "kicked-watcher-stays", breaks: "who is put out of a room is told nothing more of it", file: "store/hub.go",
		edits: [][2]string{{"if moved != nil && !joined {", "if moved != nil && !joined && h.closed {"}},
		by:    simulator{},
	},
	{
		name: "history-before-the-join", breaks: "a member's stream begins with the join", file: "store/read_events.go",
		edits: [][2]string{{"\t\tafter = join\n", "\t\tafter = g.after\n"}},
		by:    simulator{},
	},
	{
		name: "own-messages-unread", breaks: "one's own messages are not unread", file: "store/roomread.go",
		edits: [][2]string{{"r.readSeq - own - gone, err", "r.readSeq - gone, err"}, {"own, err := l.ownAbove(r.conv", "_, err := l.ownAbove(r.conv"}},
		by:    simulator{},
	},
	{
		name: "annotation-counted-twice", breaks: "a request takes effect once (P2)", file: "store/apply_annotate.go",
		edits: [][2]string{
			{"return r, m.record(scope{account: by.hotAccount}, digest, r)", "return r, nil"},
			{"there == present {", "there == present && !present {"},
		},
		by: simulator{},
	},
	{
		name: "deleted-text-edited", breaks: "an edit never brings back what was deleted", file: "store/apply_edit.go",
		edits: [][2]string{{"\tif gone {\n", "\tif gone && by == nil {\n"}},
		by:    simulator{},
	},
}
