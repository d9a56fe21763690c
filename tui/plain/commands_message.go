package plain

import (
	"context"
	"strconv"
	"strings"

	"parley/proto/parleyv1"
)

func messageCommands() []command {
	return []command{
		{"ids", "[on|off]", "say the id of each message, which the commands below take", (*session).cmdIDs},
		{"reply", "ID text", "answer in the thread of a message", (*session).cmdReply},
		{"edit", "ID text", "change a message of yours", (*session).cmdEdit},
		{"delete", "ID", "delete a message: yours for everyone, another's for you", (*session).cmdDelete},
		{"react", "ID emoji", "react to a message", (*session).cmdReact},
		{"pin", "ID", "pin a message", (*session).cmdPin},
		{"thread", "ID", "write the replies to a message", (*session).cmdThread},
	}
}

func (s *session) cmdIDs(args string) {
	s.ids = args != "off"
	s.say("ids: %s", map[bool]string{true: "on", false: "off"}[s.ids])
}

// target splits "ID rest"; it says how when that is not what was given.
func (s *session) target(args, usage string) (id uint64, rest string, ok bool) {
	first, rest, _ := strings.Cut(args, " ")
	id, err := strconv.ParseUint(strings.TrimPrefix(first, "#"), 10, 64)
	if err != nil || id == 0 {
		s.say("error: %s; /ids says the ids", usage)
		return 0, "", false
	}
	return id, strings.TrimSpace(rest), true
}

func (s *session) cmdReply(args string) {
	id, text, ok := s.target(args, "/reply ID text")
	if v := s.here(); ok && v != nil && text != "" {
		s.submit(v, text, id)
	}
}

func (s *session) cmdEdit(args string) {
	to, text, ok := s.target(args, "/edit ID text")
	if !ok || text == "" {
		return
	}
	s.change("edit", func(ctx context.Context, id string) error {
		_, err := s.be.EditMessage(ctx, &parleyv1.EditMessageRequest{RequestId: id, Id: to, Text: text})
		return err
	}, func() {})
}

func (s *session) cmdDelete(args string) {
	to, _, ok := s.target(args, "/delete ID")
	if !ok {
		return
	}
	s.change("delete", func(ctx context.Context, id string) error {
		_, err := s.be.DeleteMessages(ctx, &parleyv1.DeleteMessagesRequest{RequestId: id, Ids: []uint64{to}})
		return err
	}, func() { s.say("deleted: message %d", to) })
}

func (s *session) cmdReact(args string) {
	to, value, ok := s.target(args, "/react ID emoji")
	if ok && value != "" {
		s.annotate(to, parleyv1.AnnotationKind_ANNOTATION_KIND_REACTION, value)
	}
}

func (s *session) cmdPin(args string) {
	if to, _, ok := s.target(args, "/pin ID"); ok {
		s.annotate(to, parleyv1.AnnotationKind_ANNOTATION_KIND_PIN, "")
	}
}

func (s *session) annotate(to uint64, kind parleyv1.AnnotationKind, value string) {
	s.change("mark the message", func(ctx context.Context, id string) error {
		_, err := s.be.Annotate(ctx, &parleyv1.AnnotateRequest{RequestId: id, Id: to, Kind: kind, Value: value, Present: true})
		return err
	}, func() {})
}

func (s *session) cmdThread(args string) {
	id, _, ok := s.target(args, "/thread ID")
	if v := s.here(); ok && v != nil {
		s.page(v, v.name+": replies to message "+strconv.FormatUint(id, 10),
			&parleyv1.ReadMessagesRequest{Conversation: v.name, ThreadId: id, Limit: maxList}, 0)
	}
}
