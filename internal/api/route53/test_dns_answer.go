package route53

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// maxAnswers is how many records a multivalue answer holds, maxAliases how many
// aliases are followed.
const (
	maxAnswers = 8
	maxAliases = 16
)

// TestDNSAnswer says what a zone answers now. Where the query comes from makes
// no difference: latency and geolocation records are chosen for this Region.
func (s *Server) TestDNSAnswer(_ context.Context, in *TestDNSAnswerInput) (*TestDNSAnswerOutput, error) {
	w := s.cfg.Changes.View()
	z, err := s.zone(w, *in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	name, err := dnsName(*in.RecordName)
	if err != nil {
		return nil, err
	}
	apex, _ := zone.Written(z.Name)
	if name != apex && !strings.HasSuffix(name, "."+apex) {
		return nil, invalid("RRSet with DNS name %s is not permitted in zone %s", name, apex)
	}
	out := &TestDNSAnswerOutput{
		Nameserver: new(strings.TrimSuffix(zone.NameServers(z)[0], ".")), Protocol: new("UDP"), RecordName: &name, RecordType: in.RecordType,
		RecordData: []string{}, ResponseCode: new("NOERROR"),
	}
	data, exists := s.answer(w, z, name, *in.RecordType, 0)
	if !exists {
		out.ResponseCode = new("NXDOMAIN")
	}
	for _, value := range data {
		out.RecordData = append(out.RecordData, zone.WrittenValue(value))
	}
	return out, nil
}

func (s *Server) answer(w world.World, z *world.HostedZone, name, typ string, depth int) (data []string, exists bool) {
	sets, exists := zone.Lookup(w, z, name, zone.Options{Fidelity: s.cfg.Changes.Fidelity, Region: s.cfg.Scope.Region})
	for _, wanted := range []uint16{zone.TypeOf(typ), zone.TypeCNAME} {
		for _, set := range sets {
			if set.Type != wanted {
				continue
			}
			records, alias := drawn(set)
			if alias == "" || depth == maxAliases {
				return records, true
			}
			data, _ = s.answer(w, z, alias, typ, depth+1) // an alias of another zone has no data here
			return data, true
		}
	}
	return nil, exists
}

// drawn chooses from a set as the resolver does: records, or an alias to follow.
func drawn(set zone.Set) (records []string, alias string) {
	records, alias = slices.Clone(set.Records), set.Alias
	if len(set.Choices) > 0 {
		c := set.Choices[weighted(set.Choices)]
		records, alias = slices.Clone(c.Records), c.Alias
	}
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	switch set.Policy {
	case zone.MultiValue:
		records = records[:min(len(records), maxAnswers)]
	case zone.Weighted:
		records = records[:min(len(records), 1)]
	}
	return records, alias
}

// weighted draws the index of a choice.
func weighted(choices []zone.Choice) int {
	var sum uint32
	for _, c := range choices {
		sum += c.Weight
	}
	at := rand.Uint32N(sum)
	for i, c := range choices {
		if at < c.Weight {
			return i
		}
		at -= c.Weight
	}
	return len(choices) - 1
}
