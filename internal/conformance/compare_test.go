package conformance

import (
	"maps"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// exception is a difference that is meant. What it says, docs/conformance.md
// says, too.
type exception struct {
	what string
	// mend makes of the others' reply what ours is to be by this rule, and reports
	// whether the rule applied.
	mend func(c *comparison, q question, ours reply, theirs *reply) bool
}

// comparison asks two servers the same.
type comparison struct {
	t            testing.TB
	ours, theirs *asker
	exceptions   []exception
	used         map[string]int
	asked        int
	failed       map[string]int // by what differs
}

func newComparison(t testing.TB, ours, theirs *asker, e []exception) *comparison {
	return &comparison{t: t, ours: ours, theirs: theirs, exceptions: e, used: map[string]int{}, failed: map[string]int{}}
}

func (c *comparison) ask(q question) {
	c.t.Helper()
	c.compare(q, q.name+" "+dns.Type(q.typ).String()+" over "+q.way.name, c.pack(q))
}

func (c *comparison) pack(q question) []byte {
	c.t.Helper()
	packet, err := q.way.message(q.name, q.typ).Pack()
	if err != nil {
		c.t.Fatalf("%v: %v", q, err)
	}
	return packet
}

// instead is what the others answer to another question.
func (c *comparison) instead(q question) reply {
	c.t.Helper()
	packet := c.pack(q)
	return newReply(c.theirs.ask(packet, q.way.tcp), packet)
}

// compare sends a packet to both.
func (c *comparison) compare(q question, called string, packet []byte) {
	c.t.Helper()
	c.judge(q, called, newReply(c.ours.ask(packet, q.way.tcp), packet), newReply(c.theirs.ask(packet, q.way.tcp), packet))
}

// odd sends a packet to both that may not be answered.
func (c *comparison) odd(p packet) {
	c.t.Helper()
	c.judge(question{name: p.name}, p.name, newReply(c.ours.askOdd(p.wire), p.wire), newReply(c.theirs.askOdd(p.wire), p.wire))
}

func (c *comparison) judge(q question, called string, ours, theirs reply) {
	c.t.Helper()
	c.asked++
	was := theirs.String()
	for _, e := range c.exceptions {
		if ours.differs(theirs) == "" {
			return
		}
		if e.mend(c, q, ours, &theirs) {
			c.used[e.what]++
		}
	}
	what := ours.differs(theirs)
	if what == "" {
		return
	}
	const shown = 3
	if c.failed[what]++; c.failed[what] <= shown {
		c.t.Errorf("%s: %s differs\n  Seamark: %s\n  theirs: %s", called, what, ours, was)
	}
}

// end says what was compared. An exception that nothing needed is a mistake.
func (c *comparison) end() {
	c.t.Helper()
	c.t.Logf("%d queries", c.asked)
	for _, e := range c.exceptions {
		c.t.Logf("%6d × %s", c.used[e.what], e.what)
		if c.used[e.what] == 0 {
			c.t.Errorf("no answer needed the exception %q", e.what)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(c.failed)) {
		c.t.Errorf("%d answers differ in %s", c.failed[what], what)
	}
}
