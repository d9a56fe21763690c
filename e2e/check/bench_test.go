package check

import "testing"

// BenchmarkModel is one conversation of one round: two writers and three readers.
func BenchmarkModel(b *testing.B) {
	c := honest(1, 8_000, 5, 0)
	for b.Loop() {
		if f := Model(&c.h, patience); !f.Clean() {
			b.Fatal(f)
		}
	}
}

// BenchmarkOrdered is the hot conversation of one round.
func BenchmarkOrdered(b *testing.B) {
	c := honest(1, 50_000, 20, 0)
	for b.Loop() {
		if f := Ordered(&c.h); !f.Clean() {
			b.Fatal(f)
		}
	}
}
