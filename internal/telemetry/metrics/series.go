package metrics

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Dimension is a name and a value.
type Dimension struct{ Name, Value string }

// Dimensions identify a metric together with its namespace and name. Their
// order has no meaning.
type Dimensions []Dimension

func (d Dimensions) sorted() Dimensions {
	d = slices.Clone(d)
	slices.SortFunc(d, func(a, b Dimension) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return d
}

// Metric is what ListMetrics lists: a metric whatever its units.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions Dimensions // by name
}

// Datum is one thing to record.
type Datum struct {
	Namespace  string
	Name       string
	Dimensions Dimensions
	Unit       string // empty: "None"
	Time       time.Time
	Stat       Stat
	// HighResolution keeps buckets of one second too.
	HighResolution bool
}

// Metric is what the datum is of.
func (d Datum) Metric() Metric {
	return Metric{Namespace: d.Namespace, Name: d.Name, Dimensions: d.Dimensions}
}

// key is the metric's text form: its parts, each after its length, dimensions
// sorted. It is the key of the "series" bucket with the unit at the end.
func (m Metric) key() string {
	var b []byte
	for _, part := range []string{m.Namespace, m.Name} {
		b = appendPart(b, part)
	}
	for _, d := range m.Dimensions.sorted() {
		b = appendPart(appendPart(b, d.Name), d.Value)
	}
	return string(b)
}

func appendPart(b []byte, part string) []byte {
	b = binary.AppendUvarint(b, uint64(len(part)))
	return append(b, part...)
}

// parseMetric reads a key with a unit at its end.
func parseMetric(key string) (m Metric, unit string, ok bool) {
	var parts []string
	for rest := []byte(key); len(rest) > 0; {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return m, "", false
		}
		parts = append(parts, string(rest[size:size+int(n)]))
		rest = rest[size+int(n):]
	}
	if len(parts) < 3 || len(parts)%2 == 0 {
		return m, "", false
	}
	m.Namespace, m.Name = parts[0], parts[1]
	for i := 2; i+1 < len(parts)-1; i += 2 {
		m.Dimensions = append(m.Dimensions, Dimension{parts[i], parts[i+1]})
	}
	return m, parts[len(parts)-1], true
}

// compareMetrics orders a list of metrics.
func compareMetrics(a, b Metric) int {
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
		slices.CompareFunc(a.Dimensions, b.Dimensions, func(x, y Dimension) int {
			return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Value, y.Value))
		}),
	)
}
