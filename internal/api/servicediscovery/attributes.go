package servicediscovery

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// The attributes with a meaning (Cloud Map API reference, RegisterInstance).
const (
	attrIPv4       = "AWS_INSTANCE_IPV4"
	attrIPv6       = "AWS_INSTANCE_IPV6"
	attrPort       = "AWS_INSTANCE_PORT"
	attrCNAME      = "AWS_INSTANCE_CNAME"
	attrAlias      = "AWS_ALIAS_DNS_NAME"
	attrInstance   = "AWS_EC2_INSTANCE_ID"
	attrInitHealth = "AWS_INIT_HEALTH_STATUS"
)

// The most attributes of an instance, and their size together.
const (
	maxAttributes     = 30
	maxAttributeBytes = 5000
)

func checkAttributes(ds *world.DiscoveryService, a map[string]string) error {
	custom, size := 0, 0
	for k, v := range a {
		size += len(k) + len(v)
		if !strings.HasPrefix(k, "AWS_") {
			custom++
		}
	}
	switch {
	case custom > maxAttributes:
		return ErrInvalidInput(fmt.Sprintf("An instance can have at most %d custom attributes.", maxAttributes))
	case size > maxAttributeBytes:
		return ErrInvalidInput(fmt.Sprintf("The total size of all attributes must not exceed %d characters.", maxAttributeBytes))
	}
	for _, check := range []func(*world.DiscoveryService, map[string]string) error{checkUnbuilt, checkValues, checkRequired} {
		if err := check(ds, a); err != nil {
			return err
		}
	}
	return nil
}

// checkUnbuilt refuses what Seamark does not do yet.
func checkUnbuilt(ds *world.DiscoveryService, a map[string]string) error {
	if _, ok := a[attrAlias]; ok {
		if ds.RoutingPolicy != "WEIGHTED" {
			return ErrInvalidInput("ALIAS instance can be registered only in services with WEIGHTED routing policy")
		}
		return ErrInvalidInput("Seamark does not build " + attrAlias + " yet.")
	}
	if _, ok := a[attrInstance]; ok {
		if ds.Type != "HTTP" {
			return ErrInvalidInput(attrInstance + " can be specified only for services in HTTP namespaces.")
		}
		return ErrInvalidInput("Seamark does not build " + attrInstance + " yet.")
	}
	return nil
}

// checkValues checks the values of the attributes that are given.
func checkValues(ds *world.DiscoveryService, a map[string]string) error {
	if v, ok := a[attrIPv4]; ok {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is4() {
			return ErrInvalidInput(fmt.Sprintf("%s is not a valid IPv4 address: %s", attrIPv4, v))
		}
	}
	if v, ok := a[attrIPv6]; ok {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is6() || ip.Zone() != "" {
			return ErrInvalidInput(fmt.Sprintf("%s is not a valid IPv6 address: %s", attrIPv6, v))
		}
	}
	if v, ok := a[attrPort]; ok {
		if port, err := strconv.Atoi(v); err != nil || port < 1 || port > 65535 {
			return ErrInvalidInput(fmt.Sprintf("%s is not a valid port: %s", attrPort, v))
		}
	}
	if v, ok := a[attrInitHealth]; ok {
		if !ds.CustomHealth {
			return ErrInvalidInput(attrInitHealth + " can be specified only for services with HealthCheckCustomConfig.")
		}
		if v != string(world.Healthy) && v != string(world.Unhealthy) {
			return ErrInvalidInput(fmt.Sprintf("%s must be HEALTHY or UNHEALTHY: %s", attrInitHealth, v))
		}
	}
	return nil
}

// checkRequired checks that the service's records can be made.
func checkRequired(ds *world.DiscoveryService, a map[string]string) error {
	var types []string
	for _, r := range ds.Records {
		types = append(types, r.Type)
	}
	has := func(key string) bool { _, ok := a[key]; return ok }
	missing := func(key string) error {
		return ErrInvalidInput(fmt.Sprintf("The attribute %s is required for services with record type %s.", key, strings.Join(types, ", ")))
	}
	ipv4, ipv6 := slices.Contains(types, "A"), slices.Contains(types, "AAAA")
	switch {
	case slices.Contains(types, "CNAME") && !has(attrCNAME):
		return missing(attrCNAME)
	case ipv4 && ipv6 && !has(attrIPv4) && !has(attrIPv6), ipv4 && !ipv6 && !has(attrIPv4):
		return missing(attrIPv4)
	case ipv6 && !ipv4 && !has(attrIPv6):
		return missing(attrIPv6)
	case slices.Contains(types, "SRV") && !has(attrPort):
		return missing(attrPort)
	case slices.Contains(types, "SRV") && !has(attrIPv4) && !has(attrIPv6):
		return missing(attrIPv4)
	}
	return nil
}
