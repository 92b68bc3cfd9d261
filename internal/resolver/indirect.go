package resolver

import (
	"fmt"
	"math/rand/v2"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// indirection is what a set has that holds no records itself.
type indirection struct {
	target  []byte // of an alias: a name in lower-case wire form
	choices []choice
	total   uint64 // of the choices' weights
}

// choice is one of several sets. It is drawn by numbers from the one before it
// up to, but not including, its own.
type choice struct {
	below uint64
	set   set
}

// compileIndirect makes an alias or a choice of sets. A choice that has nothing
// valid is none.
func compileIndirect(owner string, in zone.Set) (set, []error) {
	out := set{typ: in.Type}
	if in.Alias != "" {
		target, err := packLower(in.Alias)
		if err != nil {
			return out, []error{fmt.Errorf("%s %s alias: %w", owner, dns.TypeToString[in.Type], err)}
		}
		out.more = &indirection{target: []byte(target)}
		return out, nil
	}
	more := new(indirection)
	var errs []error
	for _, c := range in.Choices {
		s, problems := compileSet(owner, zone.Set{Type: in.Type, TTL: c.TTL, Records: c.Records, Alias: c.Alias})
		errs = append(errs, problems...)
		if s.empty() || c.Weight == 0 {
			continue
		}
		more.total += uint64(c.Weight)
		more.choices = append(more.choices, choice{more.total, s})
	}
	if len(more.choices) > 0 {
		out.more = more
	}
	return out, errs
}

// empty says that a set answers nothing.
func (s *set) empty() bool { return s.count == 0 && s.more == nil }

// draw picks one choice by weight.
func (m *indirection) draw(r *rand.Rand) *set {
	n := r.Uint64N(m.total)
	for i := range m.choices {
		if n < m.choices[i].below {
			return &m.choices[i].set
		}
	}
	return &m.choices[len(m.choices)-1].set
}

// settle follows choices and aliases to a set that has records. The outcome is
// found; noData where an alias leads to nothing of its type; elsewhere where the
// target must be asked for elsewhere; several where they never end.
func (t *Table) settle(s *set, r *rand.Rand) (outcome, *set, []byte) {
	for range maxHops {
		switch {
		case s.more == nil:
			return found, s, nil
		case s.more.choices != nil:
			s = s.more.draw(r)
		default:
			target := s.more.target
			res := t.lookup(target, s.typ)
			switch res.outcome {
			case found:
				s = res.set
			case elsewhere, delegated:
				return elsewhere, nil, target
			default:
				// A CNAME at the target is no record of the alias's type either.
				return noData, nil, nil
			}
		}
	}
	return several, nil, nil
}

// settled is the result of a lookup after settle: what cannot be answered from
// prebuilt records is elsewhere.
func (t *Table) settled(res result, r *rand.Rand) result {
	switch o, s, _ := t.settle(res.set, r); o {
	case found:
		res.set = s
	case noData:
		res = result{outcome: noData, zone: res.zone}
	default:
		res = result{}
	}
	return res
}
