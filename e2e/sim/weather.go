package sim

import "time"

// weather is how bad one run's world is. Runs differ on purpose: a fault that is always there hides what needs its absence.
type weather struct {
	drop, repeat float64 // of a message
	lostAnswer   float64 // to a client
	far          float64 // probability of a long way
	wayLo, wayHi time.Duration
	longWay      time.Duration
	saveHi       time.Duration // of one commit of the log
	applyHi      time.Duration
	flushHi      time.Duration
	retain       uint64 // log entries that are kept for who lags
	overlay      int    // bytes of memory before the store flushes by itself; 0 for the usual
	thinkHi      time.Duration
	clients      int
	members      bool          // the membership changes
	gapHi        time.Duration // between faults
	faults       []fault
}

func (w *world) drawWeather() weather {
	pick := func(ds ...time.Duration) time.Duration { return ds[w.rng.IntN(len(ds))] }
	odds := func(ps ...float64) float64 { return ps[w.rng.IntN(len(ps))] }
	e := weather{
		drop: odds(0, 0, 0.01, 0.05), repeat: odds(0, 0.02, 0.1), lostAnswer: odds(0.02, 0.1, 0.3), far: odds(0, 0.02, 0.1),
		wayLo: 100 * time.Microsecond, wayHi: pick(time.Millisecond, 5*time.Millisecond, 20*time.Millisecond),
		longWay: pick(60*time.Millisecond, 300*time.Millisecond),
		saveHi:  pick(time.Millisecond, 5*time.Millisecond, 30*time.Millisecond),
		applyHi: pick(100*time.Microsecond, 2*time.Millisecond, 10*time.Millisecond),
		flushHi: pick(50*time.Millisecond, 500*time.Millisecond, 2*time.Second),
		retain:  []uint64{2, 10, 50, 1000}[w.rng.IntN(4)],
		overlay: []int{0, 0, 2 << 10, 16 << 10}[w.rng.IntN(4)],
		thinkHi: pick(100*time.Millisecond, 300*time.Millisecond, time.Second),
		clients: 2 + w.rng.IntN(3), members: w.chance(0.5),
		gapHi: pick(500*time.Millisecond, 2*time.Second, 5*time.Second),
	}
	for _, f := range allFaults {
		if w.chance(0.7) {
			e.faults = append(e.faults, f)
		}
	}
	if len(e.faults) == 0 {
		e.faults = allFaults
	}
	return e
}

// calm ends all faults for good.
func (w *world) calm() {
	w.note("calm")
	w.weather.drop, w.weather.repeat, w.weather.lostAnswer, w.weather.far = 0, 0, 0, 0
	w.weather.faults = nil
	for _, r := range w.replicas {
		r.doom, r.skew, r.slow = 0, 0, 0
		r.resume()
		if r.s == nil && !r.gone && r.life > 0 {
			r.start()
		}
	}
	w.heal()
}
