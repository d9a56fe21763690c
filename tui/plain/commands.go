package plain

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/proto/parleyv1"
	"parley/tui/common"
)

// command is one slash command; its name is the same as on the screen.
type command struct {
	name, args, help string
	run              func(s *session, args string)
}

var commands []command

func init() { // a variable's initialiser would refer to itself through help
	commands = slices.Concat(talkCommands(), messageCommands(), roomCommands())
}

func talkCommands() []command {
	return []command{
		{"help", "[word]", "list the commands, or those with the word in them", (*session).cmdHelp},
		{"msg", "@user [text]", "open a direct conversation, or send to it without opening it", (*session).cmdMsg},
		{"open", "@user|#room", "open a conversation", (*session).cmdOpen},
		{"next", "", "open the next conversation with something unread", func(s *session, _ string) { s.next() }},
		{"list", "", "list the conversations, the newest first", func(s *session, _ string) { s.list() }},
		{"unread", "[N]", "write the N oldest unread messages of this conversation (20), or say where something is unread", (*session).cmdUnread},
		{"read", "[N|all]", "write the newest N messages of this conversation (10); all marks everything as read", (*session).cmdRead},
		{"markread", "", "mark the whole conversation as read", func(s *session, _ string) { s.markAll(s.cur) }},
		{"search", "words", "find messages; from:name in:#room before:2026-01-31 narrow it", (*session).cmdSearch},
		{"send", "[text]", "send the text as it is, or what was pasted as one message", (*session).cmdSend},
		{"drop", "", "drop what was pasted", func(s *session, _ string) { s.paste = nil; s.say("dropped") }},
		{"me", "text", "send what you do", func(s *session, a string) { s.sendTo(s.cur, "/me "+a) }},
		{"who", "[pattern]", "find people by a pattern with * and ?", (*session).cmdWho},
		{"status", "", "the link and what waits, in one line each", func(s *session, _ string) { s.status() }},
		{"cluster", "", "the nodes of the cluster", (*session).cmdCluster},
		{"reconnect", "", "try all nodes now", (*session).cmdReconnect},
		{"outbox", "[flush|drop N]", "list what waits or was rejected; send it now; drop one", (*session).cmdOutbox},
		{"resend", "", "send rejected messages of this conversation again", func(s *session, _ string) { s.resend() }},
		{"discard", "", "drop rejected messages of this conversation", func(s *session, _ string) { s.discard() }},
		{"quit", "[keep|discard]", "end; keep leaves what has no verdict for the next start, discard gives it up", (*session).quit},
	}
}

// enter takes one typed line. Text that begins with a slash is a command; //text is the text /text.
func (s *session) enter(text string) {
	switch {
	case strings.HasPrefix(text, "//"):
		s.take(text[1:])
	case strings.HasPrefix(text, "/"):
		s.command(text)
	case len(s.paste) > 0:
		s.paste = append(s.paste, text) // what was pasted ended without a line feed
		s.say("pasted %d lines: /send sends them as one message, /drop drops them", len(s.paste))
	case strings.TrimSpace(text) == "":
	default:
		s.take(text)
	}
}

func (s *session) take(text string) { s.sendTo(s.cur, text) }

func (s *session) sendTo(v *conversation, text string) {
	if v == nil {
		s.say("error: not sent, no conversation is open: /msg @user or /join #room")
		s.rejected++ // for a script: its line went nowhere
		return
	}
	s.submit(v, text, 0)
}

func (s *session) command(text string) {
	name, args, _ := strings.Cut(text[1:], " ")
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		s.say("error: no command /%s; /help lists them, //text sends a slash", name)
		s.rejected++
		return
	}
	commands[i].run(s, strings.TrimSpace(args))
}

func (s *session) cmdHelp(word string) {
	for _, c := range commands {
		text := strings.TrimSpace("/"+c.name+" "+c.args) + ": " + c.help
		if strings.Contains(text, word) {
			s.say("help: %s", text)
		}
	}
	if word == "" {
		s.say("help: a line without a slash is sent to the open conversation; //text sends a slash")
		s.say("help: queued waits here; sending is under way; unknown is tried again until its outcome is known and takes effect once; " +
			"committed is on disk on a majority of the nodes; rejected was refused")
	}
}

// name folds what a person calls a conversation; empty when it is none.
func name(text string) string {
	text = strings.ToLower(text)
	if text != common.Line(text) || len(text) > common.MaxNameRunes || len(text) < 2 || text[0] != '@' && text[0] != '#' {
		return ""
	}
	return text
}

func (s *session) cmdMsg(args string) {
	to, text, _ := strings.Cut(args, " ")
	if to != "" && to[0] != '@' && to[0] != '#' {
		to = "@" + to
	}
	if to = name(to); to == "" {
		s.say("error: /msg @user [text]: say to whom")
		return
	}
	if text = strings.TrimSpace(text); text != "" {
		s.sendTo(s.conversation(to), text)
		return
	}
	s.open(to)
}

func (s *session) cmdOpen(args string) {
	to := name(args)
	if to == "" {
		s.say("error: /open @user or /open #room")
		return
	}
	s.open(to)
}

func (s *session) next() {
	vs := s.sorted()
	for _, mentioned := range []bool{true, false} {
		for _, v := range vs {
			if v != s.cur && v.mute != parleyv1.Mute_MUTE_ALL && v.unread > 0 && (v.mention > 0 || !mentioned) {
				s.open(v.name)
				return
			}
		}
	}
	s.say("unread: nothing elsewhere")
}

func (s *session) list() {
	for i, v := range s.sorted() {
		if i == maxList {
			s.say("list: and %d more", len(s.conversations)-i)
			return
		}
		text := v.name
		if v == s.cur {
			text += ", open"
		}
		if v.unread > 0 {
			text += fmt.Sprintf(", %d unread", v.unread)
		}
		if v.mention > 0 {
			text += ", " + several(int(v.mention), "mention", "mentions")
		}
		if v.mute != parleyv1.Mute_MUTE_UNSPECIFIED {
			text += ", muted"
		}
		s.say("list: %s", text)
	}
}

// here is the open conversation; it says when there is none.
func (s *session) here() *conversation {
	if s.cur == nil {
		s.say("error: no conversation is open: /msg @user or /join #room")
	}
	return s.cur
}

func number(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0
	}
	return n
}

func (s *session) cmdUnread(args string) {
	n := number(args, defaultUnread)
	if n == 0 {
		s.say("error: /unread [N]: a number from 1 to %d", maxPage)
		return
	}
	if s.cur == nil || s.cur.unread == 0 {
		s.tellUnread(true)
		return
	}
	v := s.cur
	s.page(v, v.name+": the oldest unread messages", &parleyv1.ReadMessagesRequest{Conversation: v.name, OnlyUnread: true, Limit: uint32(n)}, 0)
}

func (s *session) cmdRead(args string) {
	if args == "all" {
		for _, v := range s.sorted() {
			if v.unread > 0 {
				s.markAll(v)
			}
		}
		return
	}
	n := number(args, openLines)
	if n == 0 {
		s.say("error: /read [N|all]: a number from 1 to %d", maxPage)
		return
	}
	if v := s.here(); v != nil {
		s.page(v, "", &parleyv1.ReadMessagesRequest{Conversation: v.name, Limit: uint32(n)}, 0)
	}
}

func (s *session) markAll(v *conversation) {
	if v == nil || v.lastSeq == 0 {
		s.here()
		return
	}
	v.unread, v.mention = 0, 0
	clear(v.marks.todo)
	v.marks.busy = true
	s.markRanges(v, []*parleyv1.ReadRange{{Conversation: v.name, FromSeq: 1, ToSeq: v.lastSeq}})
	s.say("%s: marked as read", v.name)
}

func (s *session) cmdSend(text string) {
	if text == "" && len(s.paste) > 0 {
		text = strings.Join(s.paste, "\n")
		s.paste = nil
	}
	if strings.TrimSpace(text) == "" {
		s.say("error: /send text: nothing to send")
		return
	}
	s.take(text)
}

func (s *session) cmdWho(pattern string) {
	link := s.link
	s.ask(func(ctx context.Context) func() {
		resp, _, err := common.Either(ctx, link, func(ctx context.Context, c parleyv1.Consistency) (*parleyv1.ListUsersResponse, error) {
			return s.be.ListUsers(ctx, &parleyv1.ListUsersRequest{Pattern: pattern, PageSize: maxList, Consistency: c})
		}, s.be.Explain)
		return func() {
			if err != nil {
				s.fail("nobody found", err)
				return
			}
			s.say("who: %s", several(len(resp.GetUsers()), "person", "people"))
			for _, u := range resp.GetUsers() {
				text := "@" + u.GetUsername()
				if d := u.GetDisplayName(); d != "" && d != u.GetUsername() {
					text += ", " + d
				}
				if u.GetDeleted() {
					text += ", deleted"
				}
				s.say("who: %s", text)
			}
		}
	})
}
