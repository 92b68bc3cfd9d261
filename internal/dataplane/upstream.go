package dataplane

import (
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
)

// dnsPort is where resolvers listen.
const dnsPort = 53

// Upstreams reads the value of --dns-upstream: "host" are the name servers that
// the resolv.conf file names, "none" is nothing, anything else is an address
// with or without a port.
func Upstreams(value, resolvConf string) ([]netip.AddrPort, error) {
	switch value {
	case "none", "":
		return nil, nil
	case "host":
		return hostUpstreams(resolvConf)
	}
	at, err := parseServer(value)
	if err != nil {
		return nil, fmt.Errorf("DNS upstream %q is not host, none or an address: %w", value, err)
	}
	return []netip.AddrPort{at}, nil
}

func hostUpstreams(path string) ([]netip.AddrPort, error) {
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("DNS upstreams of the host: %w", err)
	}
	var out []netip.AddrPort
	for _, s := range c.Servers {
		at, err := parseServer(s)
		if err != nil {
			return nil, fmt.Errorf("%s: name server %q: %w", path, s, err)
		}
		out = append(out, at)
	}
	return out, nil
}

func parseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, dnsPort), nil
	}
	return netip.ParseAddrPort(s)
}
