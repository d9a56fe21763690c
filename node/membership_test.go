package node

import (
	"fmt"
	"strings"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"parley/proto/internalv1"
)

// TestPlanChange reads as: in this configuration, with these records, of these live and caught-up members, leader 1 does
// this. Members are written as id and role: F first, V voter, L learner, R removed; "V-" has no data directory yet, "V<3"
// takes the place of 3. Configurations are voters, then learners after a slash, then the outgoing half after "&".
func TestPlanChange(t *testing.T) {
	for _, c := range []struct {
		name    string
		conf    string
		records string
		live    string // all others are silent
		lag     string // live, and far behind
		want    string
	}{
		{"nothing to do", "123", "1F 2F 3F", "123", "", "-"},
		{"one that was added and is not started", "123", "1F 2F 3F 4V-", "123", "", "-"},
		{"one that has joined becomes a learner", "123", "1F 2F 3F 4V", "1234", "", "learner 4"},
		{"several at once, jointly", "123", "1F 2F 3F 4V 5L", "123", "", "learner 4, learner 5"},
		{"a learner that has caught up", "123/4", "1F 2F 3F 4V", "1234", "", "voter 4"},
		{"a learner that lags", "123/4", "1F 2F 3F 4V", "123", "4", "-"},
		{"a learner that is silent", "123/4", "1F 2F 3F 4V", "123", "", "-"},
		{"a learner that shall stay one", "123/4", "1F 2F 3F 4L", "1234", "", "-"},
		{"a dead one leaves", "123", "1F 2F 3R", "12", "", "remove 3"},
		{"a live one leaves while another is dead", "123", "1F 2R 3F", "12", "", "-"},
		{"the dead one first, then the other", "12345", "1F 2R 3F 4F 5R", "123", "", "remove 2, remove 5"},
		{"only what is safe", "1234", "1F 2R 3F 4R", "12", "", "remove 4"},
		{"a learner leaves", "123/4", "1F 2F 3F 4R", "123", "", "remove 4"},
		{"one whose tombstone was forgotten leaves", "123/4", "1F 2F 3F 5L-", "123", "", "remove 4"},
		{"a replaced one stays until its successor is started", "123", "1F 2F 3R 4V-<3", "12", "", "-"},
		{"and until it has caught up", "123/4", "1F 2F 3R 4V<3", "12", "4", "-"},
		{"both in one joint change", "123/4", "1F 2F 3R 4V<3", "124", "", "voter 4, remove 3"},
		{"a successor that was itself replaced", "123/4", "1F 2F 3R 4R<3 5V-<4", "12", "", "remove 4"},
		{"which passes its duty on", "123/5", "1F 2F 3R 4R<3 5V<4", "125", "", "voter 5, remove 3"},
		{"a successor that was given up", "123", "1F 2F 3R 4R-<3", "12", "", "remove 3"},
		{"three for three, but for the leader", "123/456", "1R 2R 3R 4V<1 5V<2 6V<3", "123456", "", "voter 4, voter 5, voter 6, remove 2, remove 3"},
		{"the leader hands on first", "123", "1R 2F 3F", "123", "", "transfer to 2"},
		{"to one that stays", "123", "1R 2R 3F", "123", "", "transfer to 3"},
		{"to one that lives", "123", "1R 2F 3F", "13", "", "transfer to 3"},
		{"a single voter waits for its successor", "1/2", "1R 2V<1", "1", "2", "-"},
		{"makes it a voter", "1/2", "1R 2V<1", "12", "", "voter 2"},
		{"and hands on", "12", "1R 2V<1", "12", "", "transfer to 2"},
		{"a replaced leader with other voters hands on before the exchange", "123/4", "1R 2F 3F 4V<1", "1234", "", "transfer to 2"},
		{"a joint change under way is left first", "124&123", "1F 2F 3R 4V<3 5V", "12345", "", "leave joint"},
		{"but not by a leader that goes with it", "23&123", "1R 2F 3F", "123", "", "transfer to 2"},
		{"who waits for one that stays", "23&123", "1R 2F 3F", "1", "", "-"},
		{"a leader that does not find its own record", "123", "2F 3F", "123", "", "-"},
		{"records that were not read", "123/4", "5L", "1234", "", "-"},
		{"all leave and nobody has come", "123", "1R 2R 3R 4V-", "123", "", "-"},
		{"all leave once somebody has come", "123/4", "1R 2R 3R 4V", "1234", "", "voter 4, remove 2, remove 3"},
		{"not onto voters that lag", "12345", "1F 2R 3F 4F 5F", "123", "45", "-"},
		{"a lagging one leaves itself", "123", "1F 2F 3R", "12", "3", "remove 3"},
		{"without a close majority to be heard is enough", "123", "1F 2F 3R", "1", "2", "remove 3"},
		{"more dead than alive would vote", "12/34", "1F 2F 3V 4V", "1234", "", "voter 3, voter 4"},
		{"two of three are dead after it", "12/3", "1F 2F 3V", "13", "", "voter 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := planInput{self: 1, conf: parseConf(c.conf), commit: 10_000, progress: map[uint64]memberProgress{}}
			in.records, in.version = parseRecords(t, c.records), 2
			in.last = max(5, in.records[len(in.records)-1].GetId())
			for id := range uint64(9) {
				switch digit := fmt.Sprint(id); {
				case strings.Contains(c.live, digit):
					in.progress[id] = memberProgress{match: 9_999 - id, active: true}
				case strings.Contains(c.lag, digit):
					in.progress[id] = memberProgress{match: 5, active: true}
				default:
					in.progress[id] = memberProgress{match: 9_999}
				}
			}
			if got := describePlan(planChange(in)); got != c.want {
				t.Errorf("voters %s, records %s, live %s: got %q, want %q", c.conf, c.records, c.live, got, c.want)
			}
		})
	}
}

// A member whose program is older than the cluster version does not become a voter.
func TestPlanLeavesOldPrograms(t *testing.T) {
	in := planInput{self: 1, conf: parseConf("1/2"), commit: 5, progress: map[uint64]memberProgress{
		1: {5, true}, 2: {5, true}}}
	in.records, in.version = parseRecords(t, "1F 2V"), 3
	if got := describePlan(planChange(in)); got != "-" {
		t.Errorf("got %q, want nothing", got)
	}
}

func parseConf(s string) *pb.ConfState {
	cs := new(pb.ConfState)
	to := &cs.Voters
	for _, r := range s {
		switch r {
		case '/':
			to = &cs.Learners
		case '&':
			to = &cs.VotersOutgoing
		default:
			*to = append(*to, uint64(r-'0'))
		}
	}
	return cs
}

func parseRecords(t *testing.T, s string) (ms []*internalv1.AnnounceMember) {
	t.Helper()
	roles := map[byte]internalv1.MemberRole{'V': roleVoter, 'L': roleLearner, 'R': roleRemoved, 'F': 0}
	for _, word := range strings.Fields(s) {
		m := &internalv1.AnnounceMember{Id: uint64(word[0] - '0'), Name: "n" + word[:1], Role: roles[word[1]], MaxClusterVersion: 2}
		rest := word[2:]
		if !strings.HasPrefix(rest, "-") {
			m.Incarnation = []byte("0123456789abcdef")
		}
		if _, old, ok := strings.Cut(rest, "<"); ok {
			m.Replaces = uint64(old[0] - '0')
		}
		ms = append(ms, m)
	}
	return ms
}

func describePlan(p plan) string {
	if p.transferTo != 0 {
		return fmt.Sprintf("transfer to %d", p.transferTo)
	}
	if p.change != nil && len(p.change.GetChanges()) == 0 {
		return "leave joint"
	}
	var words []string
	for _, c := range p.change.GetChanges() {
		word := map[pb.ConfChangeType]string{
			pb.ConfChangeAddNode: "voter", pb.ConfChangeAddLearnerNode: "learner", pb.ConfChangeRemoveNode: "remove",
		}[c.GetType()]
		words = append(words, fmt.Sprintf("%s %d", word, c.GetNodeId()))
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}
