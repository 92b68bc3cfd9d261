package resolver

import (
	"math/rand/v2"
	"slices"

	"seamark/internal/plan/zone"
)

// quantity is how many of a set's records one answer holds.
func (s *set) quantity() int {
	switch s.policy {
	case zone.MultiValue:
		return min(s.count, multiValue)
	case zone.Weighted:
		return min(s.count, 1)
	}
	return s.count
}

// choose puts indexes of records into out, which has the length that quantity
// said or, where so many do not fit an answer, a smaller one. The order is random:
// each choice and each order is equally likely.
func (s *set) choose(r *rand.Rand, out []uint32) {
	if len(out) < s.count && len(out) <= multiValue {
		s.sample(r, out)
		return
	}
	for i := range out { // inside-out Fisher-Yates shuffle
		j := r.IntN(i + 1)
		out[i] = out[j]
		out[j] = uint32(i)
	}
	for i := len(out); i < s.count; i++ { // reservoir sampling (Knuth's algorithm R)
		if j := r.IntN(i + 1); j < len(out) {
			out[j] = uint32(i)
		}
	}
}

// sample draws without replacement. There are at most eight, so looking for a
// repeated one costs less than any set would.
func (s *set) sample(r *rand.Rand, out []uint32) {
	for i := range out {
		n := uint32(r.IntN(s.count))
		for slices.Contains(out[:i], n) {
			n = uint32(r.IntN(s.count))
		}
		out[i] = n
	}
}
