package ec2

import (
	"regexp"
	"slices"
	"strings"

	"seamark/internal/world"
)

var idPattern = regexp.MustCompile(`^[a-z-]+-([0-9a-f]{8}|[0-9a-f]{17})$`)

// checkID refuses what cannot be an id of that prefix.
func checkID(id, prefix, malformed string) error {
	if len(id) <= len(prefix) || id[:len(prefix)+1] != prefix+"-" || !idPattern.MatchString(id) {
		return fail(malformed, "Invalid id: %q (expecting %q)", id, prefix+"-...")
	}
	return nil
}

func findVPC(w world.World, id string) (*world.VPC, error) {
	if v := w.VPCs.Get(id); v != nil {
		return v, nil
	}
	if err := checkID(id, "vpc", "InvalidVpcID.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}

func findSubnet(w world.World, id string) (*world.Subnet, error) {
	if s := w.Subnets.Get(id); s != nil {
		return s, nil
	}
	if err := checkID(id, "subnet", "InvalidSubnetID.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
}

func findGroup(w world.World, id string) (*world.SecurityGroup, error) {
	if g := w.SecurityGroups.Get(id); g != nil {
		return g, nil
	}
	if err := checkID(id, "sg", "InvalidGroupId.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

func findInterface(w world.World, id string) (*world.NetworkInterface, error) {
	if n := w.NetworkInterfaces.Get(id); n != nil {
		return n, nil
	}
	if err := checkID(id, "eni", "InvalidNetworkInterfaceId.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
}

func findInstance(w world.World, id string) (*world.Instance, error) {
	if i := w.Instances.Get(id); i != nil {
		return i, nil
	}
	if err := checkID(id, "i", "InvalidInstanceID.Malformed"); err != nil {
		return nil, err
	}
	return nil, fail("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

// checkInstances refuses ids of instances that do not exist, all in one error.
func checkInstances(w world.World, ids []string) error {
	var unknown []string
	for _, id := range ids {
		if w.Instances.Get(id) != nil {
			continue
		}
		if err := checkID(id, "i", "InvalidInstanceID.Malformed"); err != nil {
			return err
		}
		unknown = append(unknown, id)
	}
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return fail("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", unknown[0])
	}
	return fail("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(unknown, ", "))
}

// maxGroups is the quota of security groups of an interface.
const maxGroups = 5

// findGroups finds security groups of one VPC; none given: the VPC's default one.
func findGroups(w world.World, v *world.VPC, ids []string) ([]world.SecurityGroupID, error) {
	if len(ids) == 0 {
		return []world.SecurityGroupID{v.DefaultSecurityGroup}, nil
	}
	if len(ids) > maxGroups {
		return nil, fail("SecurityGroupsPerInterfaceLimitExceeded", "The maximum number of security groups per interface has been reached.")
	}
	var groups []world.SecurityGroupID
	for _, id := range ids {
		g, err := findGroup(w, id)
		if err != nil {
			return nil, err
		}
		if g.VPC != v.ID {
			return nil, fail("InvalidParameterValue", "You have specified two resources that belong to different networks.")
		}
		if slices.Contains(groups, g.ID) {
			return nil, fail("InvalidParameterValue", "The same security group must not appear multiple times: %s", g.ID)
		}
		groups = append(groups, g.ID)
	}
	return groups, nil
}

// missing is a required parameter that was not given.
func missing(parameter string) error {
	return fail("MissingParameter", "The request must contain the parameter %s", parameter)
}

func (s *Server) arn(resource string) string { return s.cfg.Scope.ARN("ec2", resource) }
