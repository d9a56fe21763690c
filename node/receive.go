package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/internal/syncfile"
	"parley/node/peer"
	"parley/store"
)

// incomingSnapshots are the received store files by index. Each belongs to exactly one: to the message that it came with
// until raft has seen that, then to the install that raft asked for. While a slow disk delays one install the next file
// may arrive; it must not take the first one's place (etcd#18055 was that).
type incomingSnapshots struct {
	mu    sync.Mutex
	files map[uint64]*incomingFile
	n     uint64 // names the files
}

type incomingFile struct {
	path     string
	messages int  // that raft has not seen yet
	wanted   bool // an install will claim it
}

// receiving is a store file on its way in.
type receiving struct {
	n    *Node
	m    *pb.Message
	f    *os.File
	w    *syncfile.Writer // to f
	path string
}

// OpenIncoming begins to receive a store file.
func (h handler) OpenIncoming(m *pb.Message, size uint64) (peer.Incoming, error) {
	if h.n.serving.Load() == nil {
		return nil, errors.New("this node is about to heal its store by itself")
	}
	if err := h.n.room(int64(size)); err != nil {
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	}
	in := &h.n.incoming
	in.mu.Lock()
	in.n++
	path := filepath.Join(h.n.cfg.Dir, fmt.Sprintf("receive-%d.tmp", in.n))
	in.mu.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &receiving{n: h.n, m: m, f: f, w: syncfile.NewWriter(f), path: path}, nil
}

func (r *receiving) Write(b []byte) (int, error) { return r.w.Write(b) }

// Abort removes the file.
func (r *receiving) Abort() {
	r.f.Close()
	os.Remove(r.path)
}

// Commit makes the file durable, checks that it is what the message says, and only then tells raft.
func (r *receiving) Commit() error {
	if err := r.f.Sync(); err != nil {
		r.Abort()
		return err
	}
	if err := r.f.Close(); err != nil {
		os.Remove(r.path)
		return err
	}
	// The sender's disk may be damaged: what is installed here is verified as a whole.
	var mark store.Mark
	var cluster []byte
	err := store.VerifyContext(r.n.ctx, r.path)
	if err == nil {
		mark, cluster, err = store.Inspect(r.path)
	}
	meta := r.m.GetSnapshot().GetMetadata()
	switch {
	case err != nil:
	case string(cluster) != string(r.n.store.ClusterID()):
		err = fmt.Errorf("the file is of cluster %x", cluster)
	case mark.Index != meta.GetIndex() || mark.Term != meta.GetTerm():
		err = fmt.Errorf("the file holds index %d term %d, the message says %d term %d", mark.Index, mark.Term,
			meta.GetIndex(), meta.GetTerm())
	}
	if err != nil {
		os.Remove(r.path)
		return fmt.Errorf("received store file: %w", err)
	}
	if spare := r.n.incoming.add(mark.Index, r.path); spare != "" {
		os.Remove(spare)
	}
	r.n.inbox.message(r.m)
	return nil
}

// add takes a file whose message is about to reach raft, and returns one that is not needed beside it.
func (in *incomingSnapshots) add(index uint64, path string) (spare string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	f := in.files[index]
	if f == nil {
		f = &incomingFile{path: path}
		if in.files == nil {
			in.files = map[uint64]*incomingFile{}
		}
		in.files[index] = f
	} else {
		spare = path // two senders, one state
	}
	f.messages++
	return spare
}

// settle learns what raft made of messages with files: the appends are all that it asked for since. It returns the files
// that raft does not want.
func (in *incomingSnapshots) settle(seen, appends []*pb.Message) (spare []string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, m := range appends {
		if f := in.files[m.GetSnapshot().GetMetadata().GetIndex()]; f != nil {
			f.wanted = true
		}
	}
	for _, m := range seen {
		index := m.GetSnapshot().GetMetadata().GetIndex()
		f := in.files[index]
		if f == nil {
			continue // claimed already, for a message before this one
		}
		if f.messages--; f.messages == 0 && !f.wanted {
			delete(in.files, index)
			spare = append(spare, f.path)
		}
	}
	return spare
}

// settleFiles runs on the loop, so others remove the files.
func (n *Node) settleFiles(seen, appends []*pb.Message) {
	if spare := n.incoming.settle(seen, appends); len(spare) > 0 {
		n.helpers.Go(func() {
			for _, path := range spare {
				os.Remove(path)
			}
		})
	}
}

// claim takes the file for an install.
func (in *incomingSnapshots) claim(index uint64) (string, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	f := in.files[index]
	if f == nil {
		return "", fmt.Errorf("no received file holds index %d", index)
	}
	delete(in.files, index)
	return f.path, nil
}
