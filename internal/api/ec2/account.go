package ec2

import (
	"context"
	"slices"
	"strconv"
)

// DescribeAccountAttributes shows what holds for the account: VPCs only, none of
// them the default one, and the limits that Seamark keeps.
func (s *Server) DescribeAccountAttributes(_ context.Context, in *DescribeAccountAttributesInput) (*DescribeAccountAttributesOutput, error) {
	out := &DescribeAccountAttributesOutput{AccountAttributes: []AccountAttribute{}}
	for _, a := range [][2]string{
		{"supported-platforms", "VPC"}, {"default-vpc", "none"}, {"vpc-max-security-groups-per-interface", strconv.Itoa(maxGroups)},
	} {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, a[0]) {
			out.AccountAttributes = append(out.AccountAttributes, AccountAttribute{AttributeName: &a[0], AttributeValues: []AccountAttributeValue{{&a[1]}}})
		}
	}
	return out, dry(in.DryRun)
}
