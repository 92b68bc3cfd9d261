package ec2

import (
	"slices"
	"strings"
	"testing"

	"seamark/internal/world"
)

// dhcp are the parameters of options, each "key=value value".
func dhcp(options ...string) []string {
	var params []string
	for i, o := range options {
		key, values, _ := strings.Cut(o, "=")
		prefix := "DhcpConfiguration." + string(rune('1'+i))
		params = append(params, prefix+".Key="+key)
		for n, v := range strings.Split(values, "|") {
			params = append(params, prefix+".Value."+string(rune('1'+n))+"="+v)
		}
	}
	return params
}

func TestDhcpOptions(t *testing.T) {
	h := newHarness(t)
	made := do[CreateDhcpOptionsOutput](h, "CreateDhcpOptions", append(dhcp("domain-name=corp.example.com example.com", "domain-name-servers=10.0.1.53,AmazonProvidedDNS|fd5e:a::53",
		"ntp-servers=169.254.169.123", "netbios-name-servers=10.0.1.1", "netbios-node-type=2"),
		"TagSpecification.1.ResourceType=dhcp-options", "TagSpecification.1.Tag.1.Key=Name", "TagSpecification.1.Tag.1.Value=corp")...).DhcpOptions
	id := *made.DhcpOptionsId
	shown := do[DescribeDhcpOptionsOutput](h, "DescribeDhcpOptions", "Filter.1.Name=tag:Name", "Filter.1.Value.1=corp").DhcpOptions
	if len(shown) != 1 || *shown[0].DhcpOptionsId != id {
		t.Fatalf("shown %+v", shown)
	}
	var all []string
	for _, c := range shown[0].DhcpConfigurations {
		all = append(all, *c.Key+"="+strings.Join(texts(c.Values, func(v AttributeValue) *string { return v.Value }), "|"))
	}
	if want := []string{"domain-name=corp.example.com example.com", "domain-name-servers=10.0.1.53|AmazonProvidedDNS|fd5e:a::53", "ntp-servers=169.254.169.123", "netbios-name-servers=10.0.1.1", "netbios-node-type=2"}; !slices.Equal(all, want) {
		t.Errorf("options %v", all)
	}
	if n := len(do[DescribeDhcpOptionsOutput](h, "DescribeDhcpOptions").DhcpOptions); n != 2 {
		t.Errorf("%d sets, expected this one and that of the beginning", n)
	}
	h.same("by key", texts(do[DescribeDhcpOptionsOutput](h, "DescribeDhcpOptions", "Filter.1.Name=key", "Filter.1.Value.1=ntp-servers").DhcpOptions, func(o DhcpOptions) *string { return o.DhcpOptionsId }), id)

	vpc := h.vpc("10.0.0.0/16")
	first := h.changes.View().VPCs.Get(vpc).DHCPOptionsID
	do[AssociateDhcpOptionsOutput](h, "AssociateDhcpOptions", "VpcId="+vpc, "DhcpOptionsId="+id)
	if got := *do[DescribeVpcsOutput](h, "DescribeVpcs", "Filter.1.Name=dhcp-options-id", "Filter.1.Value.1="+id).Vpcs[0].VpcId; got != vpc {
		t.Errorf("VPC %s", got)
	}
	h.fails("DependencyViolation", "The dhcpOptions '"+id+"' has dependencies and cannot be deleted.", "DeleteDhcpOptions", "DhcpOptionsId="+id)
	do[AssociateDhcpOptionsOutput](h, "AssociateDhcpOptions", "VpcId="+vpc, "DhcpOptionsId=default")
	if v := h.changes.View().VPCs.Get(vpc); v.DHCPOptionsID != "default" || h.changes.View().DHCPOptionsOf(v, "us-east-1") != nil {
		t.Errorf("VPC %+v", v)
	}
	do[DeleteDhcpOptionsOutput](h, "DeleteDhcpOptions", "DhcpOptionsId="+id)
	h.fails("InvalidDhcpOptionsID.NotFound", "The dhcpOption ID '"+id+"' does not exist", "AssociateDhcpOptions", "VpcId="+vpc, "DhcpOptionsId="+id)
	h.fails("OperationNotPermitted", "", "DeleteDhcpOptions", "DhcpOptionsId="+first)
	do[AssociateDhcpOptionsOutput](h, "AssociateDhcpOptions", "VpcId="+vpc, "DhcpOptionsId="+first)
	h.fails("DependencyViolation", "", "DeleteDhcpOptions", "DhcpOptionsId="+first)
	if v := h.changes.View().VPCs.Get(vpc); !slices.EqualFunc(h.changes.View().DHCPOptionsOf(v, "us-east-1"), world.DefaultDHCPOptions("us-east-1"), func(a, b world.DHCPOption) bool { return a.Key == b.Key }) {
		t.Errorf("VPC %+v", v)
	}
}

func TestDhcpOptions_Refused(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct{ message, option string }{
		{"Value (boot-server) for parameter key is invalid. Unknown DHCP option", "boot-server=10.0.0.1"},
		{"Value (ns.example.com) for parameter value is invalid. Invalid DNS server", "domain-name-servers=ns.example.com"},
		{"Value (10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5)", "domain-name-servers=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5"},
		{"Value (AmazonProvidedDNS)", "ntp-servers=AmazonProvidedDNS"},
		{"Value (a;b) for parameter value is invalid. Invalid domain name", "domain-name=a;b"},
		{"Value (a..b)", "domain-name=a..b"},
		{"Value (fd00::1)", "netbios-name-servers=fd00::1"},
		{"Value (3) for parameter value is invalid. Invalid NetBIOS node type", "netbios-node-type=3"},
		{"Value (1)", "netbios-node-type=1,2"},
		{"", "domain-name-servers=10.0.0.1,"},
	} {
		h.fails("InvalidParameterValue", c.message, "CreateDhcpOptions", dhcp(c.option)...)
	}
	h.fails("InvalidParameterValue", "Value (domain-name) for parameter key is invalid. The option is given twice.", "CreateDhcpOptions", dhcp("domain-name=a.example", "domain-name=b.example")...)
	h.fails("MissingParameter", "", "CreateDhcpOptions")
	h.fails("MissingParameter", "", "CreateDhcpOptions", "DhcpConfiguration.1.Key=domain-name")
	h.fails("DryRunOperation", "", "CreateDhcpOptions", append(dhcp("domain-name=a.example"), dryRun)...)
	vpc := h.vpc("10.0.0.0/16")
	h.fails("InvalidVpcID.NotFound", "", "AssociateDhcpOptions", "VpcId="+noVPC, "DhcpOptionsId=default")
	h.fails("InvalidDhcpOptionsId.Malformed", "", "AssociateDhcpOptions", "VpcId="+vpc, "DhcpOptionsId=x")
	h.fails("InvalidDhcpOptionsID.NotFound", "", "DeleteDhcpOptions", "DhcpOptionsId=dopt-12345678")
}
