// Command growth measures what a message costs as a cluster grows: with the history, the users, the subscribers and the nodes;
// and what memory, a restart and a backup cost with a long history. It writes a line of JSON for each figure, a plot of each
// curve and the tables of docs/performance.md.
//
//	task growth                       or: go run ./e2e/growth          everything; about an hour on two cores
//	task growth -- -axes messages -messages 10000,1000000              one axis, and its sizes
//	task growth -- -print -axes nodes -seconds 2                       only printed
//	go run ./e2e/growth -from docs/bench/growth.jsonl                  tables and plot again, from the lines of a run
//
// A history is not sent message by message: that would take longer than all else. A cluster makes the accounts, is stopped, and
// one node's store is filled by the production store's Apply, with real commands in entries of 256; the other nodes get copies
// of the file. The nodes then start as after an arrived snapshot. What is measured afterwards goes through the whole service.
// The axis chat has its history in one room, with words to search for. The other axes are `parley bench` with its own flags.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"parley/e2e/cluster"
	"parley/e2e/figure"
)

const (
	document = "docs/performance.md"
	plot     = "docs/bench/growth.svg"
	raw      = "docs/bench/growth.jsonl"
	marker   = "growth"
)

type options struct {
	axes                                []string
	messages, users, subscribers, nodes []int
	chat                                int
	seconds                             float64
	binary, dir, from, lines            string
	print                               bool
}

func main() {
	var o options
	var axes, messages, users, subscribers, nodes string
	flag.StringVar(&axes, "axes", "messages,users,subscribers,nodes,background,chat", "what to let grow; background: what a node's own work costs sends; chat: a long room read and searched")
	flag.StringVar(&messages, "messages", "10000,1000000,10000000", "stored messages")
	flag.StringVar(&users, "users", "10,1000,100000", "accounts that exist")
	flag.StringVar(&subscribers, "subscribers", "1,100,10000", "streams that hear one sender, and that idle")
	flag.StringVar(&nodes, "nodes", "3,5,7", "nodes")
	flag.IntVar(&o.chat, "chat", backgroundMessages, "messages of the room that is read and searched")
	flag.Float64Var(&o.seconds, "seconds", 6, "how long each measurement counts")
	flag.StringVar(&o.binary, "binary", "", "the parley to run; built from this checkout when empty")
	flag.StringVar(&o.dir, "data", "", "where the nodes' data is kept; a temporary directory when empty")
	flag.StringVar(&o.from, "from", "", "measure nothing: use the lines of an earlier run")
	flag.StringVar(&o.lines, "lines", raw, "where the lines of the run are kept")
	flag.BoolVar(&o.print, "print", false, "print the tables, write nothing")
	flag.Parse()
	t := cluster.NewProgram("growth", "")
	defer t.End()
	o.axes = strings.Split(axes, ",")
	for _, l := range []struct {
		to   *[]int
		from string
	}{{&o.messages, messages}, {&o.users, users}, {&o.subscribers, subscribers}, {&o.nodes, nodes}} {
		for s := range strings.SplitSeq(l.from, ",") {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				t.Fatalf("%q: give numbers above 0", l.from)
			}
			*l.to = append(*l.to, n)
		}
		slices.Sort(*l.to)
	}
	if err := run(t, o); err != nil {
		t.Fatalf("%v", err)
	}
}

// point is one figure at one size.
type point struct {
	Axis   string  `json:"axis"`
	At     int     `json:"at"`
	Figure string  `json:"figure"`
	Value  float64 `json:"value"`
	Where  string  `json:"where,omitempty"`
}

// points collects them, and writes each to its file as it comes: a run is long.
type points struct {
	all   []point
	to    *os.File
	where string
	// failed is the first error of a write; add does nothing after it.
	failed error
}

func (p *points) add(axis string, at int, figure string, value float64) {
	if p.failed != nil {
		return
	}
	v := point{axis, at, figure, value, p.where}
	p.all = append(p.all, v)
	if p.to != nil {
		p.failed = json.NewEncoder(p.to).Encode(v)
	}
}

func run(t *cluster.Program, o options) error {
	p := &points{where: figure.Where()}
	if o.from != "" {
		if err := p.load(o.from); err != nil {
			return err
		}
	} else if err := p.measure(t, o); err != nil {
		return err
	}
	if o.print {
		fmt.Println(p.tables())
		return nil
	}
	if err := os.WriteFile(plot, []byte(p.picture()), 0o644); err != nil {
		return err
	}
	return figure.Between(document, marker, p.tables())
}

func (p *points) measure(t *cluster.Program, o options) error {
	if !o.print {
		f, err := os.Create(o.lines)
		if err != nil {
			return err
		}
		defer f.Close()
		p.to = f
	}
	binary := t.Build(o.binary)
	for _, axis := range o.axes {
		var err error
		switch axis {
		case "messages":
			for _, n := range o.messages {
				if err == nil {
					err = p.history(t, o, binary, n)
				}
			}
		case "users", "subscribers", "nodes":
			err = p.bench(o, binary, axis)
		case "background":
			err = p.background(t, o, binary, backgroundMessages)
		case "chat":
			err = p.chat(t, o, binary, o.chat)
		default:
			err = fmt.Errorf("-axes %s: choose from messages, users, subscribers, nodes, background, chat", axis)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *points) load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if p.all, err = figure.Decode[point](f); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if n := len(p.all); n > 0 {
		p.where = p.all[n-1].Where
	}
	return nil
}
