//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"

	"seamark/bench/registry"
	"seamark/bench/rig"
	"seamark/internal/admin"
	"seamark/internal/api/ec2"
	"seamark/internal/driver/network/netns"
	"seamark/internal/wire/client"
)

const (
	domain     = "bench.local"
	perService = 20 // instances, once all are there
	first      = 10_000
)

// stage is a running instance with a VPC and a private namespace, and a place
// inside the VPC to ask from.
type stage struct {
	instance       *rig.Instance
	access         registry.Access
	vpc, namespace string
	subnet         string
	services       []string // ids; service n is called "s-n"
	resolver       *registry.Resolver
	endPlace       func() error
}

// upFlags: images would be imported beside the measurement, but for the one
// that the place to ask from needs; and DNS asks nobody else.
func upFlags() []string { return []string{"--dns-upstream", "none"} }

func build(ctx context.Context, s *rig.Instance) (*stage, error) {
	if _, err := s.Up(ctx, upFlags()...); err != nil {
		return nil, err
	}
	if err := s.AwaitImage(ctx, "seamark/instance"); err != nil {
		return nil, fmt.Errorf("images/out/instance.tar (images/build instance): %w", err)
	}
	c, err := s.Access()
	if err != nil {
		return nil, err
	}
	st := &stage{instance: s, access: registry.Access{Endpoint: c.Endpoint, Region: c.Region, AccessKey: c.AccessKey, Secret: c.Secret}}
	if err := st.network(ctx); err != nil {
		return nil, err
	}
	if err := st.place(ctx, st.vpc); err != nil {
		return nil, err
	}
	return st, st.withClient(func(c *registry.Client) error {
		st.namespace, err = c.Namespace("PrivateDns", domain, st.vpc)
		return err
	})
}

func (st *stage) ec2(ctx context.Context, operation string, in, out any) error {
	creds := aws.Credentials{AccessKeyID: st.access.AccessKey, SecretAccessKey: st.access.Secret}
	return client.Do(ctx, client.Endpoint{URL: st.access.Endpoint, Region: st.access.Region}, creds, ec2.NewService(ec2.Operations{}), operation, in, out)
}

func (st *stage) network(ctx context.Context) error {
	var vpc ec2.CreateVpcOutput
	if err := st.ec2(ctx, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")}, &vpc); err != nil {
		return err
	}
	st.vpc = *vpc.Vpc.VpcId
	var subnet ec2.CreateSubnetOutput
	if err := st.ec2(ctx, "CreateSubnet", &ec2.CreateSubnetInput{VpcId: &st.vpc, CidrBlock: new("10.0.1.0/24")}, &subnet); err != nil {
		return err
	}
	st.subnet = *subnet.Subnet.SubnetId
	return nil
}

// place asks from now on from inside a VPC, or from an instance of it.
func (st *stage) place(ctx context.Context, target string) error {
	if st.resolver != nil {
		if err := errors.Join(st.resolver.Close(), st.endPlace()); err != nil {
			return err
		}
	}
	a, err := st.instance.Admin()
	if err != nil {
		return err
	}
	s, end, err := a.OpenSession(ctx, admin.SessionRequest{Target: target})
	if err != nil {
		return err
	}
	conn, err := netns.Dial(ctx, s.Namespace, "udp", s.Resolver.String())
	if err != nil {
		return errors.Join(err, end())
	}
	st.resolver, st.endPlace = registry.NewResolver(conn), end
	return nil
}

// withClient gives f a connection to Cloud Map.
func (st *stage) withClient(f func(*registry.Client) error) error {
	c, err := registry.Dial(st.access)
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Close())
}

// makeServices makes services until there are n.
func (st *stage) makeServices(n int) error {
	return st.withClient(func(c *registry.Client) error {
		for len(st.services) < n {
			id, err := c.Service(st.namespace, fmt.Sprintf("s-%d", len(st.services)), true)
			if err != nil {
				return err
			}
			st.services = append(st.services, id)
		}
		return nil
	})
}

// Instance n is of service n / perService and has an address of its own, so
// that an answer can be checked without any record of what was registered.

func instanceID(n int) string { return fmt.Sprintf("i-%08x", n) }

func addressOf(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func serviceOf(a netip.Addr) int {
	b := a.As4()
	return (int(b[1])<<16 | int(b[2])<<8 | int(b[3])) / perService
}

func dnsName(service int) string { return fmt.Sprintf("s-%d.%s.", service, domain) }
