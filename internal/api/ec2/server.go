package ec2

import (
	"context"

	"seamark/internal/api/commit"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
	// Console returns the newest part of an instance's console output.
	Console func(ctx context.Context, id world.InstanceID) (Console, error)
}

// Server is the EC2 API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		AssociateDhcpOptions:          s.AssociateDhcpOptions,
		AssociateSubnetCidrBlock:      s.AssociateSubnetCidrBlock,
		AssociateVpcCidrBlock:         s.AssociateVpcCidrBlock,
		AuthorizeSecurityGroupEgress:  s.AuthorizeSecurityGroupEgress,
		AuthorizeSecurityGroupIngress: s.AuthorizeSecurityGroupIngress,
		CreateDhcpOptions:             s.CreateDhcpOptions,
		CreateNetworkInterface:        s.CreateNetworkInterface,
		CreateSecurityGroup:           s.CreateSecurityGroup,
		CreateSubnet:                  s.CreateSubnet,
		CreateTags:                    s.CreateTags,
		CreateVpc:                     s.CreateVpc,
		DeleteDhcpOptions:             s.DeleteDhcpOptions,
		DeleteNetworkInterface:        s.DeleteNetworkInterface,
		DeleteSecurityGroup:           s.DeleteSecurityGroup,
		DeleteSubnet:                  s.DeleteSubnet,
		DeleteTags:                    s.DeleteTags,
		DeleteVpc:                     s.DeleteVpc,
		DescribeAccountAttributes:     s.DescribeAccountAttributes,
		DescribeAvailabilityZones:     s.DescribeAvailabilityZones,
		DescribeDhcpOptions:           s.DescribeDhcpOptions,
		DescribeImages:                s.DescribeImages,
		DescribeInstanceAttribute:     s.DescribeInstanceAttribute,
		DescribeInstances:             s.DescribeInstances,
		DescribeInstanceStatus:        s.DescribeInstanceStatus,
		DescribeInstanceTypes:         s.DescribeInstanceTypes,
		DescribeInternetGateways:      s.DescribeInternetGateways,
		DescribeNetworkAcls:           s.DescribeNetworkAcls,
		DescribeNetworkInterfaces:     s.DescribeNetworkInterfaces,
		DescribeRegions:               s.DescribeRegions,
		DescribeRouteTables:           s.DescribeRouteTables,
		DescribeSecurityGroupRules:    s.DescribeSecurityGroupRules,
		DescribeSecurityGroups:        s.DescribeSecurityGroups,
		DescribeSubnets:               s.DescribeSubnets,
		DescribeTags:                  s.DescribeTags,
		DescribeVpcAttribute:          s.DescribeVpcAttribute,
		DescribeVpcs:                  s.DescribeVpcs,
		DisassociateSubnetCidrBlock:   s.DisassociateSubnetCidrBlock,
		DisassociateVpcCidrBlock:      s.DisassociateVpcCidrBlock,
		GetConsoleOutput:              s.GetConsoleOutput,
		ModifySubnetAttribute:         s.ModifySubnetAttribute,
		ModifyVpcAttribute:            s.ModifyVpcAttribute,
		RevokeSecurityGroupEgress:     s.RevokeSecurityGroupEgress,
		RevokeSecurityGroupIngress:    s.RevokeSecurityGroupIngress,
		RunInstances:                  s.RunInstances,
		TerminateInstances:            s.TerminateInstances,
	}
}

// change runs f in one transaction. A dry run does all the checks and changes
// nothing.
func (s *Server) change(ctx context.Context, dryRun *bool, f func(d *plan.Draft) error) error {
	return commit.Do(ctx, s.cfg.Changes, func(d *plan.Draft) error {
		if err := f(d); err != nil {
			return err
		}
		return dry(dryRun)
	})
}

// dry is the answer to a dry run that would have succeeded.
func dry(dryRun *bool) error {
	if dryRun != nil && *dryRun {
		return wire.Errorf(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	return nil
}

func (s *Server) view() world.World { return s.cfg.Changes.View() }

// fail is an error of EC2's, which has codes but no modelled exceptions.
func fail(code, format string, args ...any) error { return wire.Errorf(400, code, format, args...) }
