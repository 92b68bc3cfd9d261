//go:build linux

package linux

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"seamark/internal/driver/network/netns"
)

// setting is one value below /proc/sys/net.
type setting struct{ name, value string }

// routerSettings are those of a VPC's namespace. The defaults come before any
// link, so a link is right from its first moment.
func routerSettings() []setting {
	return append(noIPv6(),
		// Where a VPC has IPv6, links are to have the addresses that they are given.
		setting{"ipv6/conf/default/addr_gen_mode", noAddresses},
		setting{"ipv6/conf/default/accept_dad", "0"},
		setting{"ipv6/conf/default/accept_ra", "0"},
		setting{"ipv4/conf/default/proxy_arp", "1"},
		setting{"ipv4/conf/default/rp_filter", "1"},
		setting{"ipv4/conf/all/rp_filter", "1"},
		setting{"ipv4/conf/default/send_redirects", "0"},
		setting{"ipv4/conf/all/send_redirects", "0"},
		setting{"ipv4/conf/default/accept_redirects", "0"},
		setting{"ipv4/conf/all/accept_redirects", "0"},
		setting{"ipv4/ip_forward", "1"},
	)
}

// noAddresses is IN6_ADDR_GEN_MODE_NONE of linux/if_link.h: no link-local address
// comes about by itself.
const noAddresses = "1"

// ipv6Settings switch IPv6 on in a router's namespace, or off again. A link gets
// none of it before it is given an address (see linkIPv6).
func ipv6Settings(on bool) []setting {
	if !on {
		return []setting{{"ipv6/conf/all/forwarding", "0"}, {"ipv6/conf/lo/disable_ipv6", "1"}}
	}
	return []setting{{"ipv6/conf/lo/disable_ipv6", "0"}, {"ipv6/conf/all/forwarding", "1"}}
}

// linkIPv6 is what a router's link needs for IPv6.
func linkIPv6(link string) []setting {
	return []setting{{"ipv6/conf/" + link + "/disable_ipv6", "0"}, {"ipv6/conf/all/forwarding", "1"}}
}

// linkSettings are what a link of the router needs, for repair.
func linkSettings(link string) []setting {
	return []setting{
		{"ipv4/ip_forward", "1"},
		{"ipv4/conf/" + link + "/forwarding", "1"},
		{"ipv4/conf/" + link + "/proxy_arp", "1"},
		{"ipv4/conf/" + link + "/rp_filter", "1"},
	}
}

// interfaceSettings are those of a task's namespace. Every group may ping, as
// in Docker since 20.10.
func interfaceSettings(p port) []setting {
	start := "1024"
	if p.UnprivilegedPorts {
		start = "0"
	}
	six := noIPv6()
	if p.IPv6.IsValid() {
		six = []setting{
			{"ipv6/conf/default/disable_ipv6", "0"},
			{"ipv6/conf/all/disable_ipv6", "0"},
			{"ipv6/conf/default/addr_gen_mode", noAddresses},
			{"ipv6/conf/default/accept_dad", "0"},
			{"ipv6/conf/default/accept_ra", "0"},
			{"ipv6/conf/default/accept_redirects", "0"},
		}
	}
	return append(six,
		setting{"ipv4/conf/default/accept_redirects", "0"},
		setting{"ipv4/conf/all/accept_redirects", "0"},
		setting{"ipv4/ping_group_range", "0\t2147483647"},
		setting{"ipv4/ip_unprivileged_port_start", start},
	)
}

func noIPv6() []setting {
	return []setting{{"ipv6/conf/default/disable_ipv6", "1"}, {"ipv6/conf/all/disable_ipv6", "1"}}
}

// apply writes settings of the calling thread's namespace where they differ.
// A kernel without IPv6 has none of its settings.
func apply(settings []setting) error {
	for _, s := range settings {
		path := filepath.Join("/proc/sys/net", s.name)
		now, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(s.name, "ipv6/") {
			continue
		}
		if err == nil && string(bytes.TrimSpace(now)) == s.value {
			continue
		}
		if err == nil {
			err = os.WriteFile(path, []byte(s.value), 0)
		}
		if err != nil {
			return fmt.Errorf("sysctl net/%s: %w", s.name, err)
		}
	}
	return nil
}

// applyIn is apply inside the namespace at path.
func applyIn(path string, settings []setting) error {
	return netns.InNamespace(path, func() error { return apply(settings) })
}
