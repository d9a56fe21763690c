package node

// Soft state is what the services of the nodes tell each other without the log: who is there, who is typing. This package
// passes it on and knows nothing of what it says.

// SoftHandler takes what the other members tell. Its methods are called from the goroutines of the links, must not block, and
// must not change what they are given.
type SoftHandler interface {
	// Frame is one frame of that member's.
	Frame(from uint64, frame []byte)
	// Up says that a member can be told something again; what was told it before may be lost.
	Up(member uint64)
	// Down says that the link from a member ended: it died, or cannot be heard.
	Down(member uint64)
}

// OnSoft says who takes the other members' soft state. What comes before it is lost.
func (n *Node) OnSoft(h SoftHandler) { n.soft.Store(&h) }

// SendSoft tells every member that knows of soft state and can be reached. It waits for nothing, and may be lost. The frame
// must not change any more; peer.MaxSoftFrameBytes bounds it.
func (n *Node) SendSoft(frame []byte) { n.transport.SendSoft(frame) }

// Soft gives a member's soft state to the services.
func (h handler) Soft(from uint64, frame []byte) {
	if s := h.n.soft.Load(); s != nil {
		(*s).Frame(from, frame)
	}
}

func (n *Node) softUp(member uint64) {
	if s := n.soft.Load(); s != nil {
		(*s).Up(member)
	}
}
