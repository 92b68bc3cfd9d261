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

// sought is a kind of resource that is named by an id.
type sought struct {
	prefix, malformed, notFound string
	message                     string // with a place for the id
}

// found is a row of a table, or why there is none of that id.
func found[T any](row *T, id string, s sought) (*T, error) {
	if row != nil {
		return row, nil
	}
	if err := checkID(id, s.prefix, s.malformed); err != nil {
		return nil, err
	}
	return nil, fail(s.notFound, s.message, id)
}

func findVPC(w world.World, id string) (*world.VPC, error) {
	return found(w.VPCs.Get(id), id, sought{"vpc", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist"})
}

func findSubnet(w world.World, id string) (*world.Subnet, error) {
	return found(w.Subnets.Get(id), id, sought{"subnet", "InvalidSubnetID.Malformed", "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist"})
}

func findGroup(w world.World, id string) (*world.SecurityGroup, error) {
	return found(w.SecurityGroups.Get(id), id, sought{"sg", "InvalidGroupId.Malformed", "InvalidGroup.NotFound", "The security group '%s' does not exist"})
}

func findInterface(w world.World, id string) (*world.NetworkInterface, error) {
	return found(w.NetworkInterfaces.Get(id), id, sought{"eni", "InvalidNetworkInterfaceId.Malformed", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist"})
}

func findInstance(w world.World, id string) (*world.Instance, error) {
	return found(w.Instances.Get(id), id, sought{"i", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist"})
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
