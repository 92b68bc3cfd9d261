package metrics

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// Stat sums up values. The zero Stat is that of no value at all.
type Stat struct {
	Count, Sum, Min, Max float64

	values []weighted // sorted by value; nil when opaque
	// opaque: the values are not known, so there are no percentiles.
	opaque bool
	// level is how coarse the values are: 0 exact, then see width.
	level int
}

// weighted is a value and how often it was seen.
type weighted struct{ value, count float64 }

// maxValues bounds the different values of one bucket.
const maxValues = 256

// Value is the statistic of one value.
func Value(v float64) Stat { return Weighted(v, 1) }

// Weighted is the statistic of one value that was seen count times.
func Weighted(v, count float64) Stat {
	return Stat{Count: count, Sum: v * count, Min: v, Max: v, values: []weighted{{v, count}}}
}

// Set is a statistic set of values that are not known one by one, unless they
// are all the same.
func Set(count, sum, minimum, maximum float64) Stat {
	s := Stat{Count: count, Sum: sum, Min: minimum, Max: maximum}
	if minimum == maximum {
		s.values = []weighted{{minimum, count}}
	} else {
		s.opaque = true
	}
	return s
}

// Average is the mean; 0 for no value.
func (s Stat) Average() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Sum / s.Count
}

// Merge returns the statistic of both.
func (s Stat) Merge(o Stat) Stat {
	switch {
	case s.Count == 0:
		return o
	case o.Count == 0:
		return s
	}
	m := Stat{
		Count: s.Count + o.Count, Sum: s.Sum + o.Sum,
		Min: min(s.Min, o.Min), Max: max(s.Max, o.Max),
		opaque: s.opaque || o.opaque,
	}
	if m.opaque {
		return m
	}
	m.level = max(s.level, o.level)
	m.values = union(s.values, o.values, m.level)
	for len(m.values) > maxValues {
		if m.level++; m.level > maxLevel {
			m.values, m.opaque, m.level = nil, true, 0
			return m
		}
		m.values = union(m.values, nil, m.level)
	}
	return m
}

// maxLevel is the coarsest level, at which a class spans a factor of e^1.28.
const maxLevel = 8

// width is the logarithm of the factor that one class of values spans: one
// percent at level 1, twice as much at each further one. 256 classes of level
// 3 hold values that differ by a factor of 28,000, good to two percent.
func width(level int) float64 { return 0.01 * math.Pow(2, float64(level-1)) }

// union merges two sorted lists at a level.
func union(a, b []weighted, level int) []weighted {
	all := make([]weighted, 0, len(a)+len(b))
	for _, list := range [][]weighted{a, b} {
		for _, w := range list {
			all = append(all, weighted{class(w.value, level), w.count})
		}
	}
	slices.SortFunc(all, func(x, y weighted) int {
		switch {
		case x.value < y.value:
			return -1
		case x.value > y.value:
			return 1
		}
		return 0
	})
	out := all[:0]
	for _, w := range all {
		if n := len(out); n > 0 && out[n-1].value == w.value {
			out[n-1].count += w.count
		} else {
			out = append(out, w)
		}
	}
	return out
}

// class returns the middle of a value's class.
func class(v float64, level int) float64 {
	if level == 0 || v == 0 {
		return v
	}
	w := width(level)
	middle := (math.Floor(math.Log(math.Abs(v))/w) + 0.5) * w
	return math.Copysign(math.Exp(middle), v)
}

// Percentile returns the smallest value that at least p percent of all values
// do not exceed. It is false when the values are not known.
func (s Stat) Percentile(p float64) (float64, bool) {
	if s.opaque || s.Count == 0 {
		return 0, false
	}
	rank := p / 100 * s.Count
	seen := 0.0
	for _, w := range s.values {
		if seen += w.count; seen >= rank {
			return min(max(w.value, s.Min), s.Max), true
		}
	}
	return s.Max, true
}

// The stored form: the four floats, a byte of the level (255: opaque), and pairs
// of value and count, little endian.
const (
	statHeader = 4*8 + 1
	opaqueMark = 255
)

var errStat = errors.New("metrics: damaged statistic")

func (s Stat) encode() []byte {
	b := make([]byte, 0, statHeader+16*len(s.values))
	for _, f := range []float64{s.Count, s.Sum, s.Min, s.Max} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	mark := byte(s.level)
	if s.opaque {
		mark = opaqueMark
	}
	b = append(b, mark)
	for _, w := range s.values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(w.value))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(w.count))
	}
	return b
}

func decodeStat(b []byte) (Stat, error) {
	if len(b) < statHeader || (len(b)-statHeader)%16 != 0 {
		return Stat{}, errStat
	}
	float := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[at:])) }
	s := Stat{Count: float(0), Sum: float(8), Min: float(16), Max: float(24)}
	if mark := b[32]; mark == opaqueMark {
		s.opaque = true
	} else {
		s.level = int(mark)
	}
	for at := statHeader; at < len(b); at += 16 {
		s.values = append(s.values, weighted{float(at), float(at + 8)})
	}
	return s, nil
}
