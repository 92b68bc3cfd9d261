package node

import (
	"strings"

	"seamark/internal/world"
)

// ResolvConf is /etc/resolv.conf of whatever starts in a VPC, as a DHCP client
// would write it from the VPC's options: the domain names are searched, and
// AmazonProvidedDNS is the VPC's resolver. It is written once: on AWS, too, what
// runs keeps what it has until its lease ends.
func ResolvConf(w world.World, v *world.VPC, region string) string {
	var search, servers []string
	for _, o := range w.DHCPOptionsOf(v, region) {
		switch o.Key {
		case world.DHCPDomainName:
			search = append(search, o.Values...)
		case world.DHCPDomainNameServers:
			servers = append(servers, o.Values...)
		}
	}
	var b strings.Builder
	if len(search) > 0 {
		b.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	for _, s := range servers {
		if s == world.AmazonProvidedDNS {
			s = v.Resolver().String()
		}
		b.WriteString("nameserver " + s + "\n")
	}
	return b.String()
}
