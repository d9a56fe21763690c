package main

import (
	"fmt"
	"slices"
	"strings"

	"parley/e2e/figure"
)

var axisNames = map[string]string{
	"messages": "stored messages", "users": "accounts", "subscribers": "subscribers", "nodes": "nodes", "background": "stored messages", "chat": "messages of the room",
}

// tables has one for each axis: a row for each figure, a column for each size.
func (p *points) tables() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.where)
	for _, axis := range distinct(p.all, func(v point) string { return v.Axis }) {
		of := slices.DeleteFunc(slices.Clone(p.all), func(v point) bool { return v.Axis != axis })
		sizes := distinct(of, func(v point) int { return v.At })
		slices.Sort(sizes)
		head := []string{axisNames[axis]}
		for _, n := range sizes {
			head = append(head, figure.Count(float64(n)))
		}
		var rows [][]string
		for _, name := range distinct(of, func(v point) string { return v.Figure }) {
			row := []string{name}
			for _, n := range sizes {
				row = append(row, p.at(axis, name, n).String())
			}
			rows = append(rows, row)
		}
		b.WriteString("\n" + figure.Table(head, rows))
	}
	b.WriteString("\n![Plots of the tables above](bench/growth.svg)\n")
	return b.String()
}

func (p *points) at(axis, name string, n int) figure.Spread {
	var v []float64
	for _, q := range p.all {
		if q.Axis == axis && q.Figure == name && q.At == n {
			v = append(v, q.Value)
		}
	}
	return figure.NewSpread(v)
}

// picture has the curves that the issue of growth is about.
func (p *points) picture() string {
	var charts []figure.Chart
	for _, c := range []struct {
		title, axis string
		figures     []string
	}{
		{"CPU µs per operation", "messages", []string{"send, CPU µs", "read of 50, CPU µs"}},
		{"p99 of a send, ms", "messages", []string{"send, p99 ms", "send during backups, p99 ms"}},
		{"memory of a node, RssAnon MB", "messages", []string{"RssAnon MB, greatest of the nodes"}},
		{"seconds", "messages", []string{"restart after kill -9, s", "backup, s"}},
		{"CPU µs per send", "users", []string{"send, CPU µs"}},
		{"memory of a node, RssAnon MB", "users", []string{"RssAnon MB, greatest of the nodes"}},
		{"CPU µs per delivery", "subscribers", []string{"fan-out, CPU µs per delivery"}},
		{"memory of a node with idle streams, MB", "subscribers", []string{"idle, RssAnon MB of their node"}},
		{"CPU µs per operation, all nodes", "nodes", []string{"send, CPU µs", "read of one, CPU µs"}},
		{"sends a second", "nodes", []string{"send, ops/s"}},
	} {
		ch := figure.Chart{Title: c.title, X: axisNames[c.axis]}
		for _, name := range c.figures {
			s := figure.Series{Name: name}
			for _, n := range p.sizes(c.axis, name) {
				s.Points = append(s.Points, figure.Point{X: float64(n), Y: p.at(c.axis, name, n).Median})
			}
			ch.Series = append(ch.Series, s)
		}
		charts = append(charts, ch)
	}
	return figure.Lines("What growth costs", charts)
}

func (p *points) sizes(axis, name string) []int {
	var of []point
	for _, v := range p.all {
		if v.Axis == axis && v.Figure == name {
			of = append(of, v)
		}
	}
	n := distinct(of, func(v point) int { return v.At })
	slices.Sort(n)
	return n
}

// distinct keeps the order of the first of each.
func distinct[T comparable](of []point, key func(point) T) []T {
	var out []T
	for _, v := range of {
		if k := key(v); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}
