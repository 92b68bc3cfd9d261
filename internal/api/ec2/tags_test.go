package ec2

import (
	"fmt"
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// tagged are the tags of a resource, "key=value".
func (h *harness) tagged(id string) []string {
	h.Helper()
	var out []string
	for _, tag := range do[DescribeTagsOutput](h, "DescribeTags", "Filter.1.Name=resource-id", "Filter.1.Value.1="+id).Tags {
		out = append(out, *tag.Key+"="+*tag.Value)
	}
	return out
}

func TestTags(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet, group := h.subnet(vpc, "10.0.1.0/24"), h.group(vpc, "web")
	rule := *do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+group, "IpProtocol=-1", "CidrIp=0.0.0.0/0").SecurityGroupRules[0].SecurityGroupRuleId
	eni := *do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet).NetworkInterface.NetworkInterfaceId
	instance := *do[RunInstancesOutput](h, "RunInstances", "ImageId="+testMachine, "MinCount=1", "MaxCount=1", "SubnetId="+subnet).Instances[0].InstanceId
	kinds := map[string]string{vpc: "vpc", subnet: "subnet", group: "security-group", rule: "security-group-rule", eni: "network-interface", instance: "instance"}
	for id, kind := range kinds {
		do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+id, "Tag.1.Key=a", "Tag.1.Value=1", "Tag.2.Key=b", "Tag.2.Value=", "Tag.3.Key=c")
		do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+id, "Tag.1.Key=a", "Tag.1.Value=2")
		h.same(kind, h.tagged(id), "a=2", "b=", "c=")
		if got := do[DescribeTagsOutput](h, "DescribeTags", "Filter.1.Name=resource-type", "Filter.1.Value.1="+kind, "Filter.2.Name=key", "Filter.2.Value.1=a", "Filter.3.Name=value", "Filter.3.Value.1=2").Tags; len(got) != 1 || *got[0].ResourceId != id {
			t.Errorf("tags %+v of %s", got, kind)
		}
		revision := h.changes.View().Revision
		do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+id, "Tag.1.Key=a", "Tag.1.Value=2")
		do[DeleteTagsOutput](h, "DeleteTags", "ResourceId.1="+id, "Tag.1.Key=none", "Tag.2.Key=a", "Tag.2.Value=1", "Tag.3.Key=a", "Tag.3.Value=")
		if h.changes.View().Revision != revision {
			t.Errorf("%s: what changes nothing was written", kind)
		}
		do[DeleteTagsOutput](h, "DeleteTags", "ResourceId.1="+id, "Tag.1.Key=a", "Tag.1.Value=2", "Tag.2.Key=b", "Tag.2.Value=")
		h.same(kind, h.tagged(id), "c=")
		do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+id, "Tag.1.Key=a", "Tag.1.Value=1")
		do[DeleteTagsOutput](h, "DeleteTags", "ResourceId.1="+id, "Tag.1.Key=a")
		h.same(kind, h.tagged(id), "c=")
		do[DeleteTagsOutput](h, "DeleteTags", "ResourceId.1="+id)
		h.same(kind, h.tagged(id))
	}
	do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+vpc, "ResourceId.2="+subnet, "Tag.1.Key=k", "Tag.1.Value=v")
	h.same("vpc", h.tagged(vpc), "k=v")
	h.same("subnet", h.tagged(subnet), "k=v")
}

func TestCreateTags_Refused(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	const key, value = "Tag.1.Key=k", "Tag.1.Value=v"
	for id, code := range map[string]string{
		noVPC: "InvalidVpcID.NotFound", noSubnet: "InvalidSubnetID.NotFound", noGroup: "InvalidGroup.NotFound", noInterface: "InvalidNetworkInterfaceID.NotFound",
		noInstance: "InvalidInstanceID.NotFound", "sgr-12345678": "InvalidSecurityGroupRuleId.NotFound", "vpc-x": "InvalidVpcID.Malformed", "subnet-x": "InvalidSubnetID.Malformed",
		"sg-x": "InvalidGroupId.Malformed", "i-x": "InvalidInstanceID.Malformed", "eni-x": "InvalidNetworkInterfaceId.Malformed", "sgr-x": "InvalidSecurityGroupRuleId.Malformed", "x": "InvalidID",
	} {
		// The first of the resources is not tagged either.
		h.fails(code, "", "CreateTags", "ResourceId.1="+vpc, "ResourceId.2="+id, key, value)
		h.fails(code, "", "DeleteTags", "ResourceId.1="+id, key)
	}
	for _, c := range []struct{ key, value, code, message string }{
		{"aws:k", "v", "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"},
		{"AWS:k", "v", "InvalidParameterValue", "Tag keys starting with 'aws:'"},
		{"", "v", "InvalidParameterValue", "Tag keys must be 1 to 128 characters long"},
		{strings.Repeat("ä", 129), "v", "InvalidParameterValue", "Tag keys must be 1 to 128 characters long"},
		{"k", strings.Repeat("ä", 257), "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters"},
	} {
		h.fails(c.code, c.message, "CreateTags", "ResourceId.1="+vpc, "Tag.1.Key="+c.key, "Tag.1.Value="+c.value)
	}
	do[CreateTagsOutput](h, "CreateTags", "ResourceId.1="+vpc, "Tag.1.Key="+strings.Repeat("ä", 128), "Tag.1.Value="+strings.Repeat("ä", 256))
	h.fails("InvalidParameterValue", "Duplicate tag key 'k' specified.", "CreateTags", "ResourceId.1="+vpc, key, value, "Tag.2.Key=k", "Tag.2.Value=w")
	params := []string{"ResourceId.1=" + vpc}
	for i := range 50 {
		params = append(params, fmt.Sprintf("Tag.%d.Key=k%d", i+1, i), fmt.Sprintf("Tag.%d.Value=v", i+1))
	}
	h.fails("TagLimitExceeded", "More than 50 tags specified", "CreateTags", params...)
	do[CreateTagsOutput](h, "CreateTags", params[:99]...)
	h.fails("MissingParameter", "", "CreateTags", key, value)
	h.fails("DryRunOperation", "", "CreateTags", "ResourceId.1="+vpc, "Tag.1.Key=k0", "Tag.1.Value=w", dryRun)
	h.fails("DryRunOperation", "", "DeleteTags", "ResourceId.1="+vpc, dryRun)
}

func TestTagSpecifications(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet, group := h.subnet(vpc, "10.0.1.0/24"), h.group(vpc, "web")
	for op, params := range map[string][]string{
		"CreateVpc": {"CidrBlock=10.0.0.0/16"}, "CreateSubnet": {"VpcId=" + vpc, "CidrBlock=10.0.2.0/24"}, "CreateSecurityGroup": {"VpcId=" + vpc, "GroupName=g", "GroupDescription=d"},
		"CreateNetworkInterface": {"SubnetId=" + subnet}, "RunInstances": {"ImageId=" + testMachine, "MinCount=1", "MaxCount=1", "SubnetId=" + subnet},
		"AuthorizeSecurityGroupIngress": {"GroupId=" + group, "IpProtocol=-1", "CidrIp=0.0.0.0/0"},
	} {
		with := func(kind, key string) []string {
			return append(append([]string{}, params...), "TagSpecification.1.ResourceType="+kind, "TagSpecification.1.Tag.1.Key="+key, "TagSpecification.1.Tag.1.Value=v")
		}
		h.fails("InvalidParameterValue", "'internet-gateway' is not a valid taggable resource type for this operation.", op, with("internet-gateway", "k")...)
		h.fails("InvalidParameterValue", "Tag keys starting with 'aws:'", op, with(map[string]string{
			"CreateVpc": "vpc", "CreateSubnet": "subnet", "CreateSecurityGroup": "security-group", "CreateNetworkInterface": "network-interface", "RunInstances": "instance", "AuthorizeSecurityGroupIngress": "security-group-rule",
		}[op], "aws:k")...)
		h.fails("InvalidParameterValue", "Tag specification resource type must have a value", op, append(append([]string{}, params...), "TagSpecification.1.Tag.1.Key=k")...)
	}
	run := do[RunInstancesOutput](h, "RunInstances", "ImageId="+testMachine, "MinCount=1", "MaxCount=1", "SubnetId="+subnet,
		"TagSpecification.1.ResourceType=instance", "TagSpecification.1.Tag.1.Key=a", "TagSpecification.1.Tag.1.Value=1",
		"TagSpecification.2.ResourceType=network-interface", "TagSpecification.2.Tag.1.Key=b", "TagSpecification.2.Tag.1.Value=2")
	i := run.Instances[0]
	h.same("instance", h.tagged(*i.InstanceId), "a=1")
	h.same("interface", h.tagged(*i.NetworkInterfaces[0].NetworkInterfaceId), "b=2")
}

func TestDescribeTags_Pages(t *testing.T) {
	h := newHarness(t)
	h.change(func(d *plan.Draft) {
		for i := range 6 {
			d.Put(&world.VPC{ID: world.VPCID(fmt.Sprintf("vpc-0000000000000000%d", i)), Tags: world.Tags{"a": "1", "b": "2"}})
		}
	})
	var got []string
	token := ""
	for {
		params := []string{"MaxResults=5"}
		if token != "" {
			params = append(params, "NextToken="+token)
		}
		out := do[DescribeTagsOutput](h, "DescribeTags", params...)
		for _, tag := range out.Tags {
			got = append(got, *tag.ResourceId+*tag.Key)
		}
		if out.NextToken == nil {
			break
		}
		token = *out.NextToken
	}
	if len(got) != 12 || got[0] != "vpc-00000000000000000a" || got[11] != "vpc-00000000000000005b" {
		t.Errorf("tags %v", got)
	}
}
