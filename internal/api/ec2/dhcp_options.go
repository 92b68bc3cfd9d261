package ec2

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"seamark/internal/world"
)

// defaultDHCPOptions is the id of the DHCP options that every VPC has: one set
// for the account and Region, always the same.
func (s *Server) defaultDHCPOptions() string {
	sum := sha256.Sum256([]byte("dhcp-options of " + s.cfg.Scope.Account + " in " + s.cfg.Scope.Region))
	return "dopt-" + hex.EncodeToString(sum[:])[:17]
}

// DescribeDhcpOptions lists the default DHCP options; others cannot be made yet.
func (s *Server) DescribeDhcpOptions(_ context.Context, in *DescribeDhcpOptionsInput) (*DescribeDhcpOptionsOutput, error) {
	domain := world.PrivateDomain(s.cfg.Scope.Region)
	options := DhcpOptions{
		DhcpOptionsId: new(s.defaultDHCPOptions()), OwnerId: &s.cfg.Scope.Account,
		DhcpConfigurations: []DhcpConfiguration{
			{Key: new("domain-name"), Values: []AttributeValue{{&domain}}},
			{Key: new("domain-name-servers"), Values: []AttributeValue{{new("AmazonProvidedDNS")}}},
		},
	}
	l := listing[DhcpOptions]{
		rows: slices.Values([]*DhcpOptions{&options}), id: func(o *DhcpOptions) string { return *o.DhcpOptionsId }, tags: func(*DhcpOptions) world.Tags { return nil },
		find: func(id string) (*DhcpOptions, error) {
			if id == *options.DhcpOptionsId || id == "default" {
				return &options, nil
			}
			return nil, cmp.Or(checkID(id, "dopt", "InvalidDhcpOptionsId.Malformed"), fail("InvalidDhcpOptionsID.NotFound", "The dhcpOption ID '%s' does not exist", id))
		},
		names: []string{"dhcp-options-id", "key", "owner-id", "value"},
		props: func(o *DhcpOptions) map[string][]string {
			return map[string][]string{
				"dhcp-options-id": {*o.DhcpOptionsId}, "key": {"domain-name", "domain-name-servers"}, "owner-id": {s.cfg.Scope.Account}, "value": {domain, "AmazonProvidedDNS"},
			}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeDhcpOptionsOutput{NextToken: next, DhcpOptions: []DhcpOptions{}}
	for _, o := range cut {
		out.DhcpOptions = append(out.DhcpOptions, *o)
	}
	return out, nil
}
