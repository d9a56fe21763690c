package sim_test

import (
	"testing"
	"time"

	"parley/e2e/sim"
)

func TestReproducible(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		for _, nodes := range []int{3, 5} {
			o := sim.Options{Seed: seed, Nodes: nodes, Time: 30 * time.Second}
			first, err := sim.Run(o)
			if err != nil {
				t.Fatal(err)
			}
			second, err := sim.Run(o)
			if err != nil {
				t.Fatal(err)
			}
			if first != second {
				t.Errorf("seed %d with %d nodes gives %+v, then %+v", seed, nodes, first, second)
			}
			t.Logf("%+v", first)
		}
	}
}
