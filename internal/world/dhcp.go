package world

import "time"

// DHCPOptions is a set of DHCP options that VPCs may name. The set of the
// beginning, which every new VPC has, is not in the world: its id is derived from
// account and Region.
type DHCPOptions struct {
	ID        string       // dopt-…
	Options   []DHCPOption // in the order in which they were given
	Tags      Tags
	CreatedAt time.Time
}

// DHCPOption is one option with its values.
type DHCPOption struct {
	Key    string // domain-name, domain-name-servers, ntp-servers, …
	Values []string
}

// The options that Seamark acts on, and the value that stands for the VPC's own
// resolver (VPC user guide, "DHCP option sets").
const (
	DHCPDomainName        = "domain-name"
	DHCPDomainNameServers = "domain-name-servers"
	AmazonProvidedDNS     = "AmazonProvidedDNS"
)

// NoDHCPOptions is what a VPC names that is to have no options at all.
const NoDHCPOptions = "default"

func (o *DHCPOptions) Kind() Kind  { return KindDHCPOptions }
func (o *DHCPOptions) Key() string { return o.ID }

// DefaultDHCPOptions are the options of a VPC that nobody gave others.
func DefaultDHCPOptions(region string) []DHCPOption {
	return []DHCPOption{
		{DHCPDomainName, []string{PrivateDomain(region)}},
		{DHCPDomainNameServers, []string{AmazonProvidedDNS}},
	}
}

// DHCPOptionsOf are the options of a VPC.
func (w World) DHCPOptionsOf(v *VPC, region string) []DHCPOption {
	if o := w.DHCPOptions.Get(v.DHCPOptionsID); o != nil {
		return o.Options
	}
	if v.DHCPOptionsID == NoDHCPOptions {
		return nil
	}
	return DefaultDHCPOptions(region)
}
