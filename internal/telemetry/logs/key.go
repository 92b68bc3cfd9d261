package logs

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// key is an event's place in the one order that all readers see: by
// timestamp, ingestion time, then stream and place in its file. Written with
// fixed widths it is the event's id and the body of every page token, so a
// token stays good when events come and go.
type key struct {
	time     int64
	ingested int64
	stream   int64 // hash of the stream's name
	segment  int64
	off      int64
}

// The widths of a key's numbers; together the 56 digits of AWS's event ids.
const (
	timeDigits    = 13
	streamDigits  = 15
	segmentDigits = 7
	offDigits     = 8
	idDigits      = 2*timeDigits + streamDigits + segmentDigits + offDigits
)

func (k key) compare(o key) int {
	return cmp.Or(
		cmp.Compare(k.time, o.time),
		cmp.Compare(k.ingested, o.ingested),
		cmp.Compare(k.stream, o.stream),
		cmp.Compare(k.segment, o.segment),
		cmp.Compare(k.off, o.off),
	)
}

// at is a bound before every event of that millisecond and after every event
// of the one before.
func at(ms int64) key { return key{time: ms, ingested: -1} }

// before is a bound directly before k. No event lies at offset 0, so the
// offset may be stepped.
func (k key) before() key {
	if k.off > 0 {
		k.off--
	}
	return k
}

// after is a bound directly after k.
func (k key) after() key {
	k.off++
	return k
}

// id writes the key as 56 digits. Bounds that are no event's place write as
// the nearest key that is.
func (k key) id() string {
	return fmt.Sprintf("%0*d%0*d%0*d%0*d%0*d",
		timeDigits, clampTime(k.time), timeDigits, clampTime(k.ingested),
		streamDigits, k.stream, segmentDigits, k.segment, offDigits, k.off)
}

// parseKey reads what id wrote.
func parseKey(s string) (key, bool) {
	if len(s) != idDigits || strings.Trim(s, "0123456789") != "" {
		return key{}, false
	}
	var k key
	for _, field := range []struct {
		to     *int64
		digits int
	}{{&k.time, timeDigits}, {&k.ingested, timeDigits}, {&k.stream, streamDigits}, {&k.segment, segmentDigits}, {&k.off, offDigits}} {
		n, err := strconv.ParseInt(s[:field.digits], 10, 64)
		if err != nil {
			return key{}, false
		}
		*field.to = n
		s = s[field.digits:]
	}
	return k, true
}

// streamHash is the part of a key that tells streams apart.
func streamHash(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // a hash never fails
	return int64(h.Sum64() % 1e15)
}
