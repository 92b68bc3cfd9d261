package ecs

import (
	"strings"

	"seamark/internal/world"
)

// Limits of awsvpcConfiguration (ECS API reference, AwsVpcConfiguration).
const maxSubnets, maxSecurityGroups = 16, 5

// newNetwork reads a network configuration; without one it has no subnets.
func newNetwork(in *NetworkConfiguration) (world.NetworkConfiguration, error) {
	var out world.NetworkConfiguration
	if in == nil || in.AwsvpcConfiguration == nil {
		return out, nil
	}
	c := in.AwsvpcConfiguration
	switch {
	case len(c.Subnets) == 0:
		return out, invalid("subnets can not be empty.")
	case len(c.Subnets) > maxSubnets:
		return out, invalid("subnets can have at most %d items.", maxSubnets)
	case len(c.SecurityGroups) > maxSecurityGroups:
		return out, invalid("securityGroups can have at most %d items.", maxSecurityGroups)
	}
	for _, id := range c.Subnets {
		out.Subnets = append(out.Subnets, world.SubnetID(id))
	}
	for _, id := range c.SecurityGroups {
		out.SecurityGroups = append(out.SecurityGroups, world.SecurityGroupID(id))
	}
	out.AssignPublicIP = val(c.AssignPublicIp) == AssignPublicIpEnabled
	return out, nil
}

// checkNetwork checks that subnets and groups exist, in one VPC. Without
// groups the VPC's default group applies.
func checkNetwork(w world.World, def *world.TaskDefinition, n world.NetworkConfiguration) error {
	awsvpc := def.NetworkMode == NetworkModeAwsvpc
	switch {
	case awsvpc && len(n.Subnets) == 0:
		return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	case !awsvpc && len(n.Subnets) > 0:
		return invalid("Network Configuration is not valid for the given networkMode of this task definition.")
	}
	var vpc world.VPCID
	for _, id := range n.Subnets {
		subnet := w.Subnets.Get(string(id))
		switch {
		case subnet == nil:
			return invalid("Error retrieving subnet information for [%s]: The subnet ID '%s' does not exist (ErrorCode: InvalidSubnetID.NotFound)", join(n.Subnets), id)
		case vpc != "" && subnet.VPC != vpc:
			return invalid("The subnets [%s] do not all belong to the same VPC.", join(n.Subnets))
		}
		vpc = subnet.VPC
	}
	for _, id := range n.SecurityGroups {
		group := w.SecurityGroups.Get(string(id))
		switch {
		case group == nil:
			return invalid("Error retrieving security group information for [%s]: The security group '%s' does not exist (ErrorCode: InvalidGroup.NotFound)", join(n.SecurityGroups), id)
		case group.VPC != vpc:
			return invalid("Security Group %s does not appear to belong to the same VPC as the input subnets.", id)
		}
	}
	return nil
}

func join[T ~string](ids []T) string {
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return strings.Join(all, ", ")
}

// showNetwork is nil without subnets: clients take an empty configuration amiss.
func showNetwork(n world.NetworkConfiguration) *NetworkConfiguration {
	if len(n.Subnets) == 0 {
		return nil
	}
	c := &AwsVpcConfiguration{Subnets: []string{}, SecurityGroups: []string{}, AssignPublicIp: new(AssignPublicIpDisabled)}
	for _, id := range n.Subnets {
		c.Subnets = append(c.Subnets, string(id))
	}
	for _, id := range n.SecurityGroups {
		c.SecurityGroups = append(c.SecurityGroups, string(id))
	}
	if n.AssignPublicIP {
		c.AssignPublicIp = new(AssignPublicIpEnabled)
	}
	return &NetworkConfiguration{AwsvpcConfiguration: c}
}
