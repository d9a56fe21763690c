package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley/api/client"
	"parley/proto/parleyv1"
)

// completer tells the words that a shell may put for what was typed. Whatever goes wrong, it tells none: a shell that waits, or
// prints an error into the line, is worse.
type completer func(ctx context.Context, c *client.Client, typed string) []string

// complete gives the words of a command's arguments, one completer for each; the last one is for all further ones too, where
// more is set. A node that does not answer within completionTimeout is waited for no longer.
func (a *app) complete(more bool, each ...completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		at := len(args)
		if more {
			at = min(at, len(each)-1)
		}
		if at >= len(each) || a.resolveFlags(cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		a.flags.timeout, a.flags.verbose = completionTimeout, false
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		var words []string
		_ = a.with(func(c *client.Client) error {
			words = each[at](ctx, c, typed)
			return nil
		})
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeWords are fixed words.
func completeWords(words ...string) completer {
	return func(context.Context, *client.Client, string) []string { return words }
}

// completeUser also takes a name with @, and then gives names with @.
func completeUser(ctx context.Context, c *client.Client, typed string) []string {
	sigil := ""
	if name, ok := strings.CutPrefix(typed, "@"); ok {
		sigil, typed = "@", name
	}
	resp, err := c.ListUsers(ctx, &parleyv1.ListUsersRequest{
		Pattern: escapeGlob(foldName(typed)) + "*", PageSize: maxCompletions, Consistency: consistency(true),
	})
	if err != nil {
		return nil
	}
	var words []string
	for _, u := range resp.GetUsers() {
		words = append(words, described(sigil+u.GetUsername(), u.GetDisplayName()))
	}
	return words
}

// completeRoom gives names with a # where one was typed.
func completeRoom(ctx context.Context, c *client.Client, typed string) []string {
	name, hash := strings.CutPrefix(typed, "#")
	resp, err := c.ListRooms(ctx, &parleyv1.ListRoomsRequest{
		Pattern: escapeGlob(foldName(name)) + "*", PageSize: maxCompletions, Consistency: consistency(true),
	})
	if err != nil {
		return nil
	}
	var words []string
	for _, r := range resp.GetRooms() {
		word := r.GetName()
		if !hash {
			word = strings.TrimPrefix(word, "#")
		}
		words = append(words, described(word, r.GetTopic()))
	}
	return words
}

// completeConversation gives people after @, rooms after #, and before either the conversations that there are.
func completeConversation(ctx context.Context, c *client.Client, typed string) []string {
	switch {
	case strings.HasPrefix(typed, "@"):
		return completeUser(ctx, c, typed)
	case strings.HasPrefix(typed, "#"):
		return completeRoom(ctx, c, typed)
	case typed != "":
		return nil
	}
	resp, err := c.ListConversations(ctx, &parleyv1.ListConversationsRequest{
		PageSize: maxCompletions, Consistency: consistency(true),
	})
	if err != nil {
		return nil
	}
	var words []string
	for _, conv := range resp.GetConversations() {
		words = append(words, described(conv.GetName(), conv.GetRoom().GetTopic()))
	}
	return words
}

// described is a word with what a shell shows beside it.
func described(word, what string) string {
	word, what = sanitizeLine(word), sanitizeLine(what)
	if what == "" || what == strings.TrimLeft(word, "@#") {
		return word
	}
	return word + "\t" + what
}

// addCompletions has the commands that take names ask the server for them.
func (a *app) addCompletions(root *cobra.Command) {
	conversation, room := a.complete(false, completeConversation), a.complete(false, completeRoom)
	people := a.complete(true, completeRoom, completeUser)
	by := map[string]cobra.CompletionFunc{
		"send": conversation, "read": conversation, "tail": conversation, "pins": conversation, "mentions": conversation,
		"mark": conversation, "export": conversation,
		"mute":         a.complete(false, completeConversation, completeWords(slices.Sorted(maps.Keys(mutes))...)),
		"account show": a.complete(false, completeUser), "presence": a.complete(true, completeUser),
		"room show": room, "room members": room, "room join": room, "room leave": room, "room topic": room, "room rename": room,
		"room archive": room, "room unarchive": room, "room private": room, "room public": room,
		"room retain": a.complete(false, completeRoom, completeWords("default")),
		"room invite": people, "room kick": people, "room ban": people, "room unban": people, "room promote": people,
		"room demote": people,
	}
	for path, f := range by {
		c, _, err := root.Find(strings.Fields(path))
		if err != nil || c.CommandPath() != root.Name()+" "+path {
			panic("completion for a command that is not there: " + path)
		}
		c.ValidArgsFunction = f
	}
}
