package world

// ResolverConfig is what a VPC's resolver was told beside its rules. A VPC
// without one has the defaults.
type ResolverConfig struct {
	VPC VPCID
	// ID and FirewallID are what the API calls the two halves: rslvr-rc-… and
	// rslvr-fc-…; empty: never set.
	ID, FirewallID string
	// NoReverse: no names of addresses are made up (AutodefinedReverse DISABLED).
	NoReverse bool
	// FailOpen is stored and shown. The firewall is part of the resolver here, so
	// that it never is what fails.
	FailOpen bool
	Revision int64 // of the newest change of NoReverse
}

func (c *ResolverConfig) Kind() Kind  { return KindResolverConfig }
func (c *ResolverConfig) Key() string { return string(c.VPC) }
