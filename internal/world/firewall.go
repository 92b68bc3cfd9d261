package world

type (
	// FirewallDomainListID is the id of a DNS Firewall domain list, rslvr-fdl-….
	FirewallDomainListID string
	// FirewallRuleGroupID is the id of a DNS Firewall rule group, rslvr-frg-….
	FirewallRuleGroupID string
)

// FirewallDomainList is a list of domains that firewall rules name. It is one
// object: what may be in it is bounded by MaxFirewallDomains and
// MaxFirewallListBytes, so that it fits into one request of the store.
type FirewallDomainList struct {
	ID   FirewallDomainListID
	Name string
	// Domains are lower case, with the final dot, sorted; "*." in front stands
	// for all names below.
	Domains []string
	Tags    Tags
	ResolverRequest
}

// Bounds of domain lists: the quota of domains in an account (Route 53
// developer guide, "Quotas on Route 53 Resolver DNS Firewall"), and the size of
// one list, which AWS does not bound in bytes.
const (
	MaxFirewallDomains   = 100_000
	MaxFirewallListBytes = 6 << 20
)

func (l *FirewallDomainList) Kind() Kind  { return KindFirewallDomainList }
func (l *FirewallDomainList) Key() string { return string(l.ID) }

// FirewallRuleGroup is a list of firewall rules that VPCs are associated with.
type FirewallRuleGroup struct {
	ID    FirewallRuleGroupID
	Name  string
	Rules []FirewallRule // sorted by Priority
	Tags  Tags
	ResolverRequest
}

// FirewallRule says what is done with queries for a list's domains. In its
// group, List and Qtype together name it.
type FirewallRule struct {
	Name     string
	List     FirewallDomainListID
	Qtype    string // as given: A, TYPE28; empty: all
	Priority int32
	Action   string // ALLOW, ALERT, BLOCK
	// BlockResponse is NODATA, NXDOMAIN or OVERRIDE; the latter answers a CNAME.
	BlockResponse  string
	OverrideDomain string
	OverrideTTL    int32
	// TrustRedirection: names that a CNAME leads to are not looked at.
	TrustRedirection bool
	ResolverRequest
}

func (g *FirewallRuleGroup) Kind() Kind  { return KindFirewallRuleGroup }
func (g *FirewallRuleGroup) Key() string { return string(g.ID) }

func firewallGroupLists(g *FirewallRuleGroup) []string {
	var ids []string
	for _, r := range g.Rules {
		ids = append(ids, string(r.List))
	}
	return ids
}

// FirewallAssociation makes a rule group count in a VPC.
type FirewallAssociation struct {
	ID       string // rslvr-frgassoc-…
	Name     string
	Group    FirewallRuleGroupID
	VPC      VPCID
	Priority int32 // of the VPC's groups, the lowest comes first
	// Protected: neither changed nor removed (MutationProtection).
	Protected bool
	Tags      Tags
	ResolverRequest
}

func (a *FirewallAssociation) Kind() Kind  { return KindFirewallAssociation }
func (a *FirewallAssociation) Key() string { return a.ID }

func firewallAssociationGroup(a *FirewallAssociation) []string { return []string{string(a.Group)} }
func firewallAssociationVPC(a *FirewallAssociation) []string   { return []string{string(a.VPC)} }

// GroupsNaming yields the rule groups with a rule for a domain list.
func (w World) GroupsNaming(id FirewallDomainListID) Rows[FirewallRuleGroup] {
	return by(w.FirewallRuleGroups, 0, string(id))
}

// FirewallAssociationsOf yields the associations of a rule group.
func (w World) FirewallAssociationsOf(id FirewallRuleGroupID) Rows[FirewallAssociation] {
	return by(w.FirewallAssociations, 0, string(id))
}

// FirewallAssociationsIn yields the rule group associations of a VPC.
func (w World) FirewallAssociationsIn(id VPCID) Rows[FirewallAssociation] {
	return by(w.FirewallAssociations, 1, string(id))
}
