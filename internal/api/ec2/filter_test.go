package ec2

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "A", false}, {"a", "ab", false}, {"ab", "a", false},
		{"*", "", true}, {"*", "abc", true}, {"**", "x", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true}, {"a*c", "ab", false},
		{"*b*", "abc", true}, {"*b*", "ac", false}, {"a*b*c", "aXbYbZc", true}, {"*ab", "aab", true}, {"*aab", "aaab", true}, {"a*a", "a", false},
		{"?", "", false}, {"?", "a", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"*?", "", false}, {"*?", "a", true}, {"?*?", "ab", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`a\*b`, "a*b", true}, {`a\*b`, "axb", false}, {`\?`, "?", true}, {`\?`, "x", false}, {`\\`, `\`, true},
		{`\`, `\`, true}, {`*\*`, "ab*", true}, {`*\*`, "ab", false}, {`\a`, "a", true}, {"*", "*", true}, {"a*", "a*b", true},
	} {
		if got := wildcard(c.pattern, c.value); got != c.want {
			t.Errorf("%q of %q: %t", c.pattern, c.value, got)
		}
	}
}

// TestWildcard_IsQuick: a pattern that nearly matches in many ways takes no
// longer than the product of the lengths.
func TestWildcard_IsQuick(t *testing.T) {
	start := time.Now()
	if wildcard(strings.Repeat("a*", 200)+"b", strings.Repeat("a", 5000)) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzWildcard(f *testing.F) {
	f.Add("a*?b", "axxb")
	f.Add(`\*`, "*")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if len(pattern) > 12 || len(value) > 12 {
			return
		}
		if got, want := wildcard(pattern, value), plain(pattern, value); got != want {
			t.Errorf("%q of %q: %t, expected %t", pattern, value, got, want)
		}
	})
}

// plain is wildcard as one would write it down.
func plain(pattern, value string) bool {
	switch {
	case pattern == "":
		return value == ""
	case pattern[0] == '*':
		return plain(pattern[1:], value) || value != "" && plain(pattern, value[1:])
	case value == "":
		return false
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == value[0] && plain(pattern[2:], value[1:])
	}
	return (pattern[0] == '?' || pattern[0] == value[0]) && plain(pattern[1:], value[1:])
}

func TestDescribe_Filters(t *testing.T) {
	h := newHarness(t)
	made := map[string]string{}
	for i, name := range []string{"web", "web*", "db", ""} {
		params := []string{fmt.Sprintf("CidrBlock=10.%d.0.0/16", i)}
		if name != "" {
			params = append(params, "TagSpecification.1.ResourceType=vpc", "TagSpecification.1.Tag.1.Key=Name", "TagSpecification.1.Tag.1.Value="+name,
				"TagSpecification.1.Tag.2.Key=env", "TagSpecification.1.Tag.2.Value=prod")
		}
		made[*do[CreateVpcOutput](h, "CreateVpc", params...).Vpc.VpcId] = name + "."
	}
	for _, c := range []struct {
		filters []string // name, then values
		want    []string
	}{
		{nil, []string{".", "db.", "web*.", "web."}},
		{[]string{"tag:Name web"}, []string{"web."}},
		{[]string{"tag:Name web*"}, []string{"web*.", "web."}},
		{[]string{`tag:Name web\*`}, []string{"web*."}},
		{[]string{"tag:Name w?b"}, []string{"web."}},
		{[]string{"tag:Name web db"}, []string{"db.", "web."}},
		{[]string{"tag:name web"}, nil},
		{[]string{"tag:Name WEB"}, nil},
		{[]string{"tag-key env"}, []string{"db.", "web*.", "web."}},
		{[]string{"tag-key e*", "tag:Name db"}, []string{"db."}},
		{[]string{"cidr 10.0.0.0/16 10.3.0.0/16"}, []string{".", "web."}},
		{[]string{"cidr 10.0.0.0/16", "cidr 10.3.0.0/16"}, nil},
		{[]string{"is-default true"}, nil},
		{[]string{"state available"}, []string{".", "db.", "web*.", "web."}},
		{[]string{"vpc-id vpc-none"}, nil},
	} {
		var params []string
		for i, f := range c.filters {
			words := strings.Fields(f)
			params = append(params, fmt.Sprintf("Filter.%d.Name=%s", i+1, words[0]))
			for j, v := range words[1:] {
				params = append(params, fmt.Sprintf("Filter.%d.Value.%d=%s", i+1, j+1, v))
			}
		}
		var got []string
		for _, v := range do[DescribeVpcsOutput](h, "DescribeVpcs", params...).Vpcs {
			got = append(got, made[*v.VpcId])
		}
		h.same(fmt.Sprint(c.filters), got, c.want...)
	}
	h.fails("InvalidParameterValue", "The filter 'colour' is invalid", "DescribeVpcs", "Filter.1.Name=colour", "Filter.1.Value.1=red")
	h.fails("InvalidParameterValue", "The filter 'null' is invalid", "DescribeVpcs", "Filter.1.Value.1=red")
}

func TestDescribe_Pages(t *testing.T) {
	h := newHarness(t)
	var all []string
	for range 12 {
		all = append(all, h.vpc("10.0.0.0/16"))
	}
	slices.Sort(all)
	ids := func(out *DescribeVpcsOutput) []string { return texts(out.Vpcs, func(v Vpc) *string { return v.VpcId }) }
	first := do[DescribeVpcsOutput](h, "DescribeVpcs", "MaxResults=5")
	if !slices.Equal(ids(first), all[:5]) || first.NextToken == nil {
		t.Fatalf("first page %v", ids(first))
	}
	// One that was shown goes, and the one that the token remembers.
	do[DeleteVpcOutput](h, "DeleteVpc", "VpcId="+all[0])
	do[DeleteVpcOutput](h, "DeleteVpc", "VpcId="+all[4])
	second := do[DescribeVpcsOutput](h, "DescribeVpcs", "MaxResults=5", "NextToken="+*first.NextToken)
	if !slices.Equal(ids(second), all[5:10]) {
		t.Errorf("second page %v", ids(second))
	}
	third := do[DescribeVpcsOutput](h, "DescribeVpcs", "MaxResults=5", "NextToken="+*second.NextToken)
	if !slices.Equal(ids(third), all[10:]) || third.NextToken != nil {
		t.Errorf("third page %v", ids(third))
	}
	if whole := do[DescribeVpcsOutput](h, "DescribeVpcs", "MaxResults=10"); whole.NextToken != nil || len(whole.Vpcs) != 10 {
		t.Errorf("a page that holds everything has a token")
	}
	if some := do[DescribeVpcsOutput](h, "DescribeVpcs", "VpcId.1="+all[7], "VpcId.2="+all[6], "VpcId.3="+all[7]); !slices.Equal(ids(some), all[6:8]) {
		t.Errorf("by id %v", ids(some))
	}
	h.fails("InvalidParameterCombination", "", "DescribeVpcs", "MaxResults=5", "VpcId.1="+all[7])
	h.fails("InvalidParameterValue", "Value (4) for parameter maxResults is invalid.", "DescribeVpcs", "MaxResults=4")
	h.fails("InvalidParameterValue", "Value (1001) for parameter maxResults is invalid.", "DescribeVpcs", "MaxResults=1001")
	h.fails("InvalidParameterValue", "Value (4) for parameter maxResults is invalid.", "DescribeInstances", "MaxResults=4")
	h.fails("InvalidParameterValue", "Value (1001) for parameter maxResults is invalid.", "DescribeTags", "MaxResults=1001")
	h.fails("InvalidNextToken", "", "DescribeVpcs", "NextToken=x")
	h.fails("InvalidVpcID.NotFound", "", "DescribeVpcs", "VpcId.1="+all[7], "VpcId.2="+noVPC)
	h.fails("DryRunOperation", "", "DescribeVpcs", dryRun)
	h.fails("InvalidVpcID.Malformed", "", "DescribeVpcs", "VpcId.1=VPC-12345678")
}

// TestDescribe_EmptyWorld: every listing shows nothing, refuses an unknown filter
// and knows DryRun.
func TestDescribe_EmptyWorld(t *testing.T) {
	h := newHarness(t)
	for _, op := range []string{
		"DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeSecurityGroupRules", "DescribeNetworkInterfaces", "DescribeInstances", "DescribeInstanceStatus",
		"DescribeTags", "DescribeRouteTables", "DescribeNetworkAcls", "DescribeInternetGateways", "DescribeDhcpOptions", "DescribeImages", "DescribeInstanceTypes",
		"DescribeAvailabilityZones", "DescribeRegions",
	} {
		h.fails("InvalidParameterValue", "The filter 'none' is invalid", op, "Filter.1.Name=none", "Filter.1.Value.1=x")
		h.fails("DryRunOperation", "", op, dryRun)
		if status, b := h.post(op, nil); status != 200 || !strings.Contains(string(b), "<"+op+"Response") {
			t.Errorf("%s: %d %s", op, status, b)
		}
	}
}
