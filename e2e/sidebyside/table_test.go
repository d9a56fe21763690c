package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() session {
	s := session{Where: "a machine.", Versions: []string{"etcd 3.7.3"}}
	for round, x := range []float64{1, 2, 3} {
		s.Results = append(s.Results,
			result{System: "etcd", Op: "put", Callers: 256, Round: round + 1, Seconds: 6, OpsPerS: 1000 * x, P50MS: 40, P99MS: 90, CPU: 300},
			result{System: "parley", Op: "send", Callers: 256, Round: round + 1, Seconds: 6, OpsPerS: 4500 * x, P50MS: 10, P99MS: 27, CPU: 60,
				OtherCPU: x},
			result{System: "parley", Op: "failover", Callers: 16, Round: round + 1, Seconds: 4.2, Ops: 3, P50MS: 20, Errors: 5},
		)
	}
	return s
}

func TestTheTableDividesMediansByEtcds(t *testing.T) {
	text := example().table()
	for _, want := range []string{
		"| Parley, send stream | **9,000** (4,500–13,500) | **10.0** (10.0–10.0) | **27.0** (27.0–27.0) | **60.0** (60.0–60.0) | 4.50 | 0.25 | 0.3 |",
		"| NATS publish | – | – | – | – | – | – | – |",
		"Median (least–greatest) of 3 rounds; 6 s each, kills in a round: parley 3. Other processes took at most 3 %",
		"; 0 operations failed where nobody was killed.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if svg := example().picture(); !strings.Contains(svg, "Parley, send stream") || strings.Contains(svg, "NaN") {
		t.Errorf("the picture is\n%s", svg)
	}
}

func TestARunCanBeReadBack(t *testing.T) {
	want, file := example(), filepath.Join(t.TempDir(), "new", "lines.jsonl")
	if err := want.save(file); err != nil {
		t.Fatal(err)
	}
	got, err := load(file)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}
