package world

type (
	// ResolverEndpointID is the id of a Resolver endpoint, rslvr-in-… or
	// rslvr-out-….
	ResolverEndpointID string
	// ResolverRuleID is the id of a Resolver rule, rslvr-rr-….
	ResolverRuleID string
	// FirewallDomainListID is the id of a DNS Firewall domain list, rslvr-fdl-….
	FirewallDomainListID string
	// FirewallRuleGroupID is the id of a DNS Firewall rule group, rslvr-frg-….
	FirewallRuleGroupID string
)
