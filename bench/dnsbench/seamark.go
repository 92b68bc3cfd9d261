//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"golang.org/x/sync/errgroup"

	"seamark/bench/rig"
	"seamark/internal/admin"
	"seamark/internal/api/ec2"
	"seamark/internal/wire/client"
)

// seamark is a running Seamark with a VPC, a private namespace in it, and an
// interface from which its resolver is asked.
type seamark struct {
	instance  *rig.Instance
	discovery *servicediscovery.Client
	namespace string // the Cloud Map namespace's id
	session   admin.Session
	inside    *os.File // the session's network namespace
	end       func() error
	pid       int // of the data plane
	control   int // pid of the control plane
}

// startSeamark runs a binary as it is shipped.
func startSeamark(ctx context.Context, binary string) (s *seamark, err error) {
	i, err := rig.NewInstance(binary)
	if err != nil {
		return nil, err
	}
	s = &seamark{instance: i}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	// No container runs here, so no image is imported.
	if _, err := i.Up(ctx, "--images", i.Dir); err != nil {
		return s, err
	}
	return s, s.build(ctx)
}

func (s *seamark) build(ctx context.Context) error {
	access, err := s.instance.Access()
	if err != nil {
		return err
	}
	creds := aws.Credentials{AccessKeyID: access.AccessKey, SecretAccessKey: access.Secret}
	s.discovery = servicediscovery.NewFromConfig(aws.Config{
		Region: access.Region, BaseEndpoint: &access.Endpoint,
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
	})
	vpc, err := network(ctx, client.Endpoint{URL: access.Endpoint, Region: access.Region}, creds)
	if err != nil {
		return err
	}
	if s.namespace, err = s.privateNamespace(ctx, domain, vpc); err != nil {
		return err
	}
	side, err := s.instance.Admin()
	if err != nil {
		return err
	}
	if s.session, s.end, err = side.OpenSession(ctx, admin.SessionRequest{Target: vpc}); err != nil {
		return err
	}
	if s.inside, err = os.Open(s.session.Namespace); err != nil {
		return err
	}
	st, err := s.instance.Status(ctx)
	if err != nil {
		return err
	}
	if st.DataPlane == nil {
		return errors.New("there is no data plane")
	}
	s.pid, s.control = st.DataPlane.PID, st.PID
	return nil
}

// network makes a VPC with a subnet.
func network(ctx context.Context, endpoint client.Endpoint, creds aws.Credentials) (vpc string, err error) {
	call := func(operation string, in, out any) error {
		return client.Do(ctx, endpoint, creds, ec2.NewService(ec2.Operations{}), operation, in, out)
	}
	var made ec2.CreateVpcOutput
	if err := call("CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")}, &made); err != nil {
		return "", err
	}
	in := ec2.CreateSubnetInput{VpcId: made.Vpc.VpcId, CidrBlock: new("10.0.1.0/24"), AvailabilityZone: new(endpoint.Region + "a")}
	return *made.Vpc.VpcId, call("CreateSubnet", &in, new(ec2.CreateSubnetOutput))
}

func (s *seamark) privateNamespace(ctx context.Context, name, vpc string) (id string, err error) {
	out, err := s.discovery.CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{
		Name: &name, Vpc: &vpc,
		Properties: &sdtypes.PrivateDnsNamespaceProperties{DnsProperties: &sdtypes.PrivateDnsPropertiesMutable{SOA: &sdtypes.SOA{TTL: aws.Int64(ttl)}}},
	})
	if err != nil {
		return "", err
	}
	return id, rig.Poll(ctx, 5*time.Millisecond, func() (bool, error) {
		op, err := s.discovery.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: out.OperationId})
		if err != nil || op.Operation.Status != sdtypes.OperationStatusSuccess {
			return false, err
		}
		id = op.Operation.Targets["NAMESPACE"]
		return true, nil
	})
}

// close ends Seamark with everything that it made.
func (s *seamark) close(ctx context.Context) error {
	var errs []error
	if s.inside != nil {
		errs = append(errs, s.inside.Close())
	}
	if s.end != nil {
		errs = append(errs, s.end())
	}
	return errors.Join(append(errs, s.instance.Remove(context.WithoutCancel(ctx)))...)
}

// server is Seamark as one of the servers to be compared.
func (s *seamark) server() *server {
	return &server{
		name: "Seamark", records: answered, pid: s.pid, client: s.inside, address: s.session.Resolver,
		close: func() error { return nil },
	}
}

// inFlight is how many requests are made at a time.
const inFlight = 32

// fill registers so many services of so many instances each, through the API.
// It returns the services' ids.
func (s *seamark) fill(ctx context.Context, prefix string, services, each int) ([]string, error) {
	ids := make([]string, services)
	g, creating := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i := range services {
		g.Go(func() (err error) {
			ids[i], err = s.service(creating, fmt.Sprintf("%s-%d", prefix, i))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return ids, s.registerAll(ctx, ids, each)
}

func (s *seamark) registerAll(ctx context.Context, ids []string, each int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i, id := range ids {
		for j := range each {
			g.Go(func() error { return s.register(ctx, id, fmt.Sprintf("i-%d", j), address(i, j)) })
		}
	}
	return g.Wait()
}

func (s *seamark) service(ctx context.Context, name string) (string, error) {
	out, err := s.discovery.CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: &name, NamespaceId: &s.namespace,
		DnsConfig: &sdtypes.DnsConfig{
			RoutingPolicy: sdtypes.RoutingPolicyMultivalue,
			DnsRecords:    []sdtypes.DnsRecord{{Type: sdtypes.RecordTypeA, TTL: aws.Int64(ttl)}},
		},
	})
	if err != nil {
		return "", err
	}
	return *out.Service.Id, nil
}

func (s *seamark) register(ctx context.Context, service, id, ip string) error {
	_, err := s.discovery.RegisterInstance(ctx, &servicediscovery.RegisterInstanceInput{
		ServiceId: &service, InstanceId: &id, Attributes: map[string]string{"AWS_INSTANCE_IPV4": ip},
	})
	return err
}

func (s *seamark) deregister(ctx context.Context, service, id string) error {
	_, err := s.discovery.DeregisterInstance(ctx, &servicediscovery.DeregisterInstanceInput{ServiceId: &service, InstanceId: &id})
	return err
}

// await waits until every one of the first names is answered in full.
func (s *seamark) await(ctx context.Context) error {
	srv := s.server()
	for i := range names {
		var last error
		err := rig.Poll(ctx, 10*time.Millisecond, func() (bool, error) {
			m, err := srv.ask(ctx, serviceName(i)+"."+domain+".", typeA)
			last = err
			return err == nil && len(m.Answer) == answered, nil
		})
		if err != nil {
			return errors.Join(fmt.Errorf("%s is not answered with %d records: %w", serviceName(i), answered, err), last)
		}
	}
	return srv.verify(ctx)
}
