package node

import (
	"net/netip"
	"testing"

	"seamark/internal/world"
)

func TestResolvConf(t *testing.T) {
	w := world.New()
	for id, options := range map[string][]world.DHCPOption{
		"dopt-own": {
			{Key: "ntp-servers", Values: []string{"10.0.0.9"}},
			{Key: "domain-name-servers", Values: []string{"10.0.1.53", "AmazonProvidedDNS", "fd5e:a::53"}},
			{Key: "domain-name", Values: []string{"corp.example.com", "example.com"}},
		},
		"dopt-bare": {{Key: "netbios-node-type", Values: []string{"2"}}},
	} {
		w.Put(&world.DHCPOptions{ID: id, Options: options})
	}
	for name, c := range map[string]struct{ id, region, want string }{
		"of the beginning":      {"dopt-0123456789abcdef0", "us-east-1", "search ec2.internal\nnameserver 10.0.0.2\n"},
		"in another Region":     {"dopt-0123456789abcdef0", "eu-west-1", "search eu-west-1.compute.internal\nnameserver 10.0.0.2\n"},
		"of a user":             {"dopt-own", "us-east-1", "search corp.example.com example.com\nnameserver 10.0.1.53\nnameserver 10.0.0.2\nnameserver fd5e:a::53\n"},
		"without names":         {"dopt-bare", "us-east-1", ""},
		"none, as the VPC asks": {"default", "us-east-1", ""},
	} {
		v := &world.VPC{ID: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/16"), DHCPOptionsID: c.id}
		if got := ResolvConf(w, v, c.region); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
