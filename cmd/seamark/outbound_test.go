package main

import (
	"net"
	"testing"
)

func TestOutbound_RefusesThisHost(t *testing.T) {
	own := func() ([]net.Addr, error) {
		_, n, err := net.ParseCIDR("192.0.2.0/24")
		return []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 7), Mask: n.Mask}}, err
	}
	for _, c := range []struct {
		address string
		allowed []string
		refused bool
	}{
		{address: "127.0.0.1:443", refused: true},
		{address: "[::1]:443", refused: true},
		{address: "[::ffff:127.0.0.1]:443", refused: true},
		{address: "169.254.169.254:80", refused: true},
		{address: "0.0.0.0:80", refused: true},
		{address: "192.0.2.7:443", refused: true},
		{address: "192.0.2.8:443"},
		{address: "198.51.100.1:443"},
		{address: "127.0.0.1:5000", allowed: []string{"127.0.0.0/8"}},
		{address: "192.0.2.7:443", allowed: []string{"192.0.2.7/32"}},
	} {
		o, err := newOutbound(c.allowed)
		if err != nil {
			t.Fatal(err)
		}
		o.own = own
		if err := o.check(c.address); (err != nil) != c.refused {
			t.Errorf("%s, allowed %v: %v", c.address, c.allowed, err)
		}
	}
}

func TestOutbound_RefusesABadBlock(t *testing.T) {
	if _, err := newOutbound([]string{"here"}); err == nil {
		t.Error("a block that is none was taken")
	}
}

func TestEnv_PointsNowhereWhenNothingRuns(t *testing.T) {
	got := exports(deadEnd(clientFile{}), []string{"AWS_ENDPOINT_URL_ECS=https://elsewhere.invalid", "NO_PROXY=a.example,b.example"})
	want := `unset AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL_ECS AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ENDPOINT_URL='http://127.0.0.1:9'
export AWS_REGION='us-east-1'
export AWS_DEFAULT_REGION='us-east-1'
export AWS_ACCESS_KEY_ID='seamark-not-running'
export AWS_SECRET_ACCESS_KEY='seamark-not-running'
export AWS_DISABLE_HOST_PREFIX_INJECTION='true'
export AWS_EC2_METADATA_DISABLED='true'
export NO_PROXY='a.example,b.example,127.0.0.1,localhost'
export no_proxy='a.example,b.example,127.0.0.1,localhost'
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
