package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// maxDHCPServers is how many servers one option names (EC2 API reference,
// CreateDhcpOptions).
const maxDHCPServers = 4

// defaultDHCPOptions is the id of the DHCP options that every VPC has: one set
// for the account and Region, always the same.
func (s *Server) defaultDHCPOptions() string {
	sum := sha256.Sum256([]byte("dhcp-options of " + s.cfg.Scope.Account + " in " + s.cfg.Scope.Region))
	return "dopt-" + hex.EncodeToString(sum[:])[:17]
}

// findDHCPOptions finds a set by its id, that of the beginning included.
func (s *Server) findDHCPOptions(w world.World, id string) (*world.DHCPOptions, error) {
	if o := w.DHCPOptions.Get(id); o != nil {
		return o, nil
	}
	if id == s.defaultDHCPOptions() {
		return &world.DHCPOptions{ID: id, Options: world.DefaultDHCPOptions(s.cfg.Scope.Region)}, nil
	}
	if err := checkID(id, "dopt", "InvalidDhcpOptionsId.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidDhcpOptionsID.NotFound", "The dhcpOption ID '%s' does not exist", id)
}

// allDHCPOptions yields every set, in the order of their ids.
func (s *Server) allDHCPOptions(w world.World) iter.Seq[*world.DHCPOptions] {
	return func(yield func(*world.DHCPOptions) bool) {
		all := slices.Collect(w.DHCPOptions.All())
		all = append(all, &world.DHCPOptions{ID: s.defaultDHCPOptions(), Options: world.DefaultDHCPOptions(s.cfg.Scope.Region)})
		slices.SortFunc(all, func(a, b *world.DHCPOptions) int { return strings.Compare(a.ID, b.ID) })
		for _, o := range all {
			if !yield(o) {
				return
			}
		}
	}
}

// CreateDhcpOptions makes a set of DHCP options.
func (s *Server) CreateDhcpOptions(ctx context.Context, in *CreateDhcpOptionsInput) (*CreateDhcpOptionsOutput, error) {
	options, err := newDHCPOptions(in.DhcpConfigurations)
	if err != nil {
		return nil, err
	}
	tags, err := newTags(in.TagSpecifications, "dhcp-options")
	if err != nil {
		return nil, err
	}
	var made *world.DHCPOptions
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		made = &world.DHCPOptions{ID: d.Draw.EC2("dopt"), Options: options, Tags: tags["dhcp-options"], CreatedAt: d.Now}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateDhcpOptionsOutput{DhcpOptions: new(s.showDHCPOptions(made))}, nil
}

// newDHCPOptions reads options. A value may be several, with commas between them.
func newDHCPOptions(in []NewDhcpConfiguration) ([]world.DHCPOption, error) {
	if len(in) == 0 {
		return nil, missing("dhcpConfiguration")
	}
	var out []world.DHCPOption
	for _, c := range in {
		o := world.DHCPOption{Key: optional.Value(c.Key)}
		if slices.ContainsFunc(out, func(have world.DHCPOption) bool { return have.Key == o.Key }) {
			return nil, fail("InvalidParameterValue", "Value (%s) for parameter key is invalid. The option is given twice.", o.Key)
		}
		for _, value := range c.Values {
			for part := range strings.SplitSeq(value, ",") {
				o.Values = append(o.Values, strings.TrimSpace(part))
			}
		}
		if len(o.Values) == 0 {
			return nil, missing("value")
		}
		if err := checkDHCPOption(&o); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func checkDHCPOption(o *world.DHCPOption) error {
	switch o.Key {
	case world.DHCPDomainName:
		// Some systems take several domains, with spaces between them.
		o.Values = strings.Fields(strings.Join(o.Values, " "))
		return eachDHCPValue(o, "Invalid domain name", isDomain)
	case world.DHCPDomainNameServers:
		return eachDHCPValue(o, "Invalid DNS server", func(v string) bool { return v == world.AmazonProvidedDNS || isAddress(v) })
	case "ntp-servers":
		return eachDHCPValue(o, "Invalid NTP server", isAddress)
	case "netbios-name-servers":
		return eachDHCPValue(o, "Invalid NetBIOS name server", func(v string) bool { return isAddress(v) && !strings.Contains(v, ":") })
	case "netbios-node-type":
		return eachDHCPValue(o, "Invalid NetBIOS node type", func(v string) bool { return len(o.Values) == 1 && slices.Contains([]string{"1", "2", "4", "8"}, v) })
	}
	return fail("InvalidParameterValue", "Value (%s) for parameter key is invalid. Unknown DHCP option", o.Key)
}

func eachDHCPValue(o *world.DHCPOption, wrong string, valid func(string) bool) error {
	if len(o.Values) == 0 {
		return missing("value")
	}
	if o.Key != world.DHCPDomainName && len(o.Values) > maxDHCPServers {
		return fail("InvalidParameterValue", "Value (%s) for parameter value is invalid. At most %d servers can be given.", strings.Join(o.Values, ","), maxDHCPServers)
	}
	for _, v := range o.Values {
		if !valid(v) {
			return fail("InvalidParameterValue", "Value (%s) for parameter value is invalid. %s", v, wrong)
		}
	}
	return nil
}

func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// isDomain says whether a text may stand in resolv.conf as a name.
func isDomain(s string) bool {
	outside := func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c)
	}
	return s != "" && len(s) <= 253 && strings.IndexFunc(s, outside) < 0 && !strings.Contains(s, "..") && s[0] != '.'
}

// AssociateDhcpOptions has a VPC name other options, or none by "default".
func (s *Server) AssociateDhcpOptions(ctx context.Context, in *AssociateDhcpOptionsInput) (*AssociateDhcpOptionsOutput, error) {
	return &AssociateDhcpOptionsOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		if *in.DhcpOptionsId != world.NoDHCPOptions {
			if _, err := s.findDHCPOptions(d.World, *in.DhcpOptionsId); err != nil {
				return err
			}
		}
		if v.DHCPOptionsID == *in.DhcpOptionsId {
			return nil
		}
		next := *v
		next.DHCPOptionsID = *in.DhcpOptionsId
		d.Put(&next)
		return nil
	})
}

// DeleteDhcpOptions removes options that no VPC names.
func (s *Server) DeleteDhcpOptions(ctx context.Context, in *DeleteDhcpOptionsInput) (*DeleteDhcpOptionsOutput, error) {
	return &DeleteDhcpOptionsOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		o, err := s.findDHCPOptions(d.World, *in.DhcpOptionsId)
		if err != nil {
			return err
		}
		for v := range d.World.VPCs.All() {
			if v.DHCPOptionsID == o.ID {
				return fail("DependencyViolation", "The dhcpOptions '%s' has dependencies and cannot be deleted.", o.ID)
			}
		}
		if o.ID == s.defaultDHCPOptions() {
			return fail("OperationNotPermitted", "The dhcpOptions '%s' is what new VPCs are made with and cannot be deleted.", o.ID)
		}
		d.Delete(o)
		return nil
	})
}

// DescribeDhcpOptions lists sets of DHCP options.
func (s *Server) DescribeDhcpOptions(_ context.Context, in *DescribeDhcpOptionsInput) (*DescribeDhcpOptionsOutput, error) {
	w := s.view()
	l := listing[world.DHCPOptions]{
		rows: s.allDHCPOptions(w), id: (*world.DHCPOptions).Key, tags: func(o *world.DHCPOptions) world.Tags { return o.Tags },
		find:  func(id string) (*world.DHCPOptions, error) { return s.findDHCPOptions(w, id) },
		names: []string{"dhcp-options-id", "key", "owner-id", "value"},
		props: func(o *world.DHCPOptions) map[string][]string {
			p := map[string][]string{"dhcp-options-id": {o.ID}, "owner-id": {s.cfg.Scope.Account}}
			for _, option := range o.Options {
				p["key"] = append(p["key"], option.Key)
				p["value"] = append(p["value"], option.Values...)
			}
			return p
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeDhcpOptionsOutput{NextToken: next, DhcpOptions: []DhcpOptions{}}
	for _, o := range cut {
		out.DhcpOptions = append(out.DhcpOptions, s.showDHCPOptions(o))
	}
	return out, nil
}

func (s *Server) showDHCPOptions(o *world.DHCPOptions) DhcpOptions {
	out := DhcpOptions{DhcpOptionsId: &o.ID, OwnerId: &s.cfg.Scope.Account, DhcpConfigurations: []DhcpConfiguration{}, Tags: showTags(o.Tags)}
	for _, option := range o.Options {
		c := DhcpConfiguration{Key: new(option.Key)}
		values := option.Values
		if option.Key == world.DHCPDomainName {
			values = []string{strings.Join(values, " ")}
		}
		for _, v := range values {
			c.Values = append(c.Values, AttributeValue{new(v)})
		}
		out.DhcpConfigurations = append(out.DhcpConfigurations, c)
	}
	return out
}
