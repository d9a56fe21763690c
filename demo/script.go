package demo

import (
	"fmt"
	"strings"

	"parley/proto/parleyv1"
)

// line is one message of a bot.
type line struct{ from, to, text string }

// narrator is the bot that remarks on nodes and counts the messages.
const narrator = "bob"

// Names are the bots, with the names they show.
var Names = []struct{ Name, Display string }{{narrator, "Bob"}, {"carol", "Carol"}, {"dave", "Dave"}}

// Topic is the room's.
const Topic = "five nodes, one chat: kill some with F6"

// lines are said in this order and then again from the top. %s is the person at the screen.
var lines = []line{
	{"carol", Room, "Good morning! Coffee is on, third floor."},
	{"dave", Room, "The nightly build is green again."},
	{narrator, Room, "Nice. What was it?"},
	{"dave", Room, "A test that slept 100 ms and hoped. Now it waits for what it wants to see."},
	{"carol", Room, "The oldest bug in the book."},
	{narrator, Room, "@%s you can write here too. What you send is on disk on three of the five nodes before you see its ✓."},
	{"carol", "@%s", "Lunch at noon? The noodle place has a table for four."},
	{"dave", Room, "Who moved the whiteboard markers?"},
	{"carol", Room, "Nobody. They all dried out on Tuesday."},
	{"dave", Room, "Ordering new ones. Blue and black?"},
	{narrator, Room, "And one red, for the incident reviews."},
	{"carol", Room, "We had no incident since August."},
	{"dave", Room, "@%s could change that: F6, then a number."},
	{narrator, Room, "Please do. That is what the other four are for."},
	{"carol", Room, "世界 and 🎉 arrive as they were sent, by the way."},
	{"dave", "@%s", "Psst. Kill two at once. I want to see Bob's face when nothing happens."},
	{narrator, Room, "Release notes are drafted. Two pages, most of it about search."},
	{"carol", Room, "I read them after lunch."},
	{"dave", Room, "The graph on the wall is flat, and it is meant to be."},
	{narrator, Room, "Flat is good."},
	{"carol", Room, "Noodles in half an hour, who joins?"},
	{"dave", Room, "Me."},
	{narrator, Room, "Me too. The cluster can look after itself."},
	{"carol", Room, "It did the whole morning."},
}

// script is line i.
func script(i int, user string) line {
	l := lines[i%len(lines)]
	name := strings.NewReplacer("%s", user)
	l.to, l.text = name.Replace(l.to), name.Replace(l.text)
	return l
}

func killedLine(node string) line {
	return line{narrator, Room, fmt.Sprintf("%s was killed, without a warning. This line came through all the same.", node)}
}

func pausedLine(node string) line {
	return line{narrator, Room, fmt.Sprintf("%s hangs: its connections stand, and nothing answers. The others went on.", node)}
}

func backLine(node string) line {
	return line{narrator, Room, fmt.Sprintf("%s is back and has caught up with what it missed.", node)}
}

// answerLine shows that a message arrived, with what only a reader of the cluster can know of it.
func answerLine(n int, user string, m *parleyv1.Message) line {
	from := Names[(n+1)%len(Names)].Name
	return line{from, Room, fmt.Sprintf("@%s I can read that: it is message %d of this room.", user, m.GetSeq())}
}
