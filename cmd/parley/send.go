package main

import (
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// requestIDSpace is the namespace in which a --request-id that is no UUID becomes one. It must never change: the same text
// has to name the same request tomorrow.
var requestIDSpace = uuid.MustParse("7b0f2f3a-5d0e-5c57-9f5e-2c1a6f0c8b11")

func newSend(a *app) *cobra.Command {
	var requestID string
	var replyTo uint64
	c := &cobra.Command{
		Use:   "send TO [TEXT|-]",
		Short: "Send a message; done only when a majority has it on disk",
		Long: `Send a message to @user or '#room' and print its id. It returns only when a majority has the message on disk.
Without TEXT, or with -, the message is all of stdin without the newline at its end.

With --request-id the same command can be run again after a failure, on any node: the message is sent once. Any text will
do, such as "backup-2026-11-24".`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := conversationName(args[0])
			if err != nil {
				return err
			}
			text, err := a.messageText(args[1:])
			if err != nil {
				return err
			}
			id := resolveRequestID(requestID)
			c, err := a.dial()
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			resp, err := c.SendMessage(cmd.Context(), &parleyv1.SendMessageRequest{
				RequestId: id, Conversation: to, Text: text, ReplyTo: replyTo,
			})
			if err != nil {
				return err
			}
			if !a.json() {
				return a.printf("%d\n", resp.GetId())
			}
			return a.printJSON(struct {
				ID           uint64 `json:"id"`
				Conversation string `json:"conversation"`
				Seq          uint64 `json:"seq"`
				RequestID    string `json:"request_id"`
				Time         string `json:"time"`
				Cursor       string `json:"cursor"`
			}{resp.GetId(), resp.GetConversation(), resp.GetSeq(), id, rfc3339(resp.GetTime()), resp.GetCursor()})
		},
	}
	c.Flags().StringVar(&requestID, "request-id", "", "name of this request: the same name is sent once")
	c.Flags().Uint64Var(&replyTo, "reply-to", 0, "reply to the message with this `ID`, in its thread")
	return c
}

// messageText is the argument, or all of stdin.
func (a *app) messageText(args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if a.inTTY >= 0 && len(args) == 0 {
		a.warn("type the message, then ^D")
	}
	data, err := io.ReadAll(io.LimitReader(a.in, maxStdinBytes))
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

// resolveRequestID makes the UUID that the API asks for: a fresh one, the given one, or one derived from the given text.
func resolveRequestID(s string) string {
	if s == "" {
		return client.NewRequestID()
	}
	if id, err := uuid.Parse(s); err == nil {
		return id.String()
	}
	return uuid.NewSHA1(requestIDSpace, []byte(s)).String()
}

// conversationName checks that TO says which kind it is.
func conversationName(s string) (string, error) {
	if len(s) > 1 && (s[0] == '@' || s[0] == '#') {
		return s, nil
	}
	if s != "" && userNameForm.MatchString(foldName(s)) {
		return "", usageError("%q is neither @user nor #room: write @%s, or '#%s' in quotes", s, s, s)
	}
	return "", usageError("%q is neither @user nor #room", s)
}
