package servicediscovery

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/plan/zone"
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

func knownAttributes() []string {
	return []string{attrIPv4, attrIPv6, attrPort, attrCNAME, attrAlias, attrInstance, attrInitHealth}
}

// The most attributes of an instance, and their size together.
const (
	maxAttributes     = 30
	maxAttributeBytes = 5000
)

// registration is a request to register an instance, to be checked.
type registration struct {
	namespace  *world.Namespace
	service    *world.DiscoveryService
	id         string
	attributes map[string]string
}

func (r registration) has(key string) bool { _, ok := r.attributes[key]; return ok }

func (r registration) records(kind string) bool {
	return slices.ContainsFunc(r.service.Records, func(d world.DNSRecord) bool { return d.Type == kind })
}

// check refuses what breaks one of the rules of RegisterInstance.
func (r registration) check() error {
	for _, check := range []func() error{r.checkSize, r.checkAlias, r.checkInstance, r.checkAddresses, r.checkHealth, r.checkRequired, r.checkName} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (r registration) checkSize() error {
	custom, size := 0, 0
	for k, v := range r.attributes {
		size += len(k) + len(v)
		if !slices.Contains(knownAttributes(), k) {
			custom++
		}
	}
	switch {
	case custom > maxAttributes:
		return invalid("An instance can have at most %d custom attributes.", maxAttributes)
	case size > maxAttributeBytes:
		return invalid("The total size of all attributes must not exceed %d characters.", maxAttributeBytes)
	}
	return nil
}

// checkAlias checks an alias of a load balancer, which stands alone.
func (r registration) checkAlias() error {
	if !r.has(attrAlias) {
		return nil
	}
	for _, key := range []string{attrIPv4, attrIPv6, attrPort, attrCNAME, attrInstance} {
		if r.has(key) {
			return invalid("%s and %s cannot both be specified.", attrAlias, key)
		}
	}
	addresses := func(d world.DNSRecord) bool { return d.Type == RecordTypeA || d.Type == RecordTypeAaaa }
	switch {
	case r.service.RoutingPolicy != RoutingPolicyWeighted:
		return invalid("ALIAS instance can be registered only in services with WEIGHTED routing policy")
	case !slices.ContainsFunc(r.service.Records, addresses) || slices.ContainsFunc(r.service.Records, func(d world.DNSRecord) bool { return !addresses(d) }):
		return invalid("ALIAS instance can be registered only in services with A or AAAA records")
	case !dnsName(r.attributes[attrAlias]):
		return invalid("%s is not a valid domain name: %s", attrAlias, r.attributes[attrAlias])
	}
	return nil
}

// checkInstance checks that an EC2 instance stands alone, in an HTTP namespace.
func (r registration) checkInstance() error {
	if !r.has(attrInstance) {
		return nil
	}
	if r.namespace.Type != NamespaceTypeHttp {
		return invalid("%s can be specified only for services in HTTP namespaces.", attrInstance)
	}
	for k := range r.attributes {
		if k != attrInstance && k != attrInitHealth {
			return invalid("%s cannot be specified together with %s.", k, attrInstance)
		}
	}
	return nil
}

// withAddress adds the address of the EC2 instance that stands for it.
func (r registration) withAddress(w world.World) (registration, error) {
	if !r.has(attrInstance) {
		return r, nil
	}
	i := w.Instances.Get(r.attributes[attrInstance])
	if i == nil || i.State == world.InstanceTerminated || i.State == world.InstanceShuttingDown {
		return r, invalid("The EC2 instance %s does not exist.", r.attributes[attrInstance])
	}
	all := map[string]string{attrIPv4: i.Address.String()}
	maps.Copy(all, r.attributes)
	r.attributes = all
	return r, nil
}

// checkAddresses checks the values that records are made of.
func (r registration) checkAddresses() error {
	if v, ok := r.attributes[attrIPv4]; ok {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is4() {
			return invalid("%s is not a valid IPv4 address: %s", attrIPv4, v)
		}
	}
	if v, ok := r.attributes[attrIPv6]; ok {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is6() || ip.Zone() != "" {
			return invalid("%s is not a valid IPv6 address: %s", attrIPv6, v)
		}
	}
	if v, ok := r.attributes[attrPort]; ok {
		if port, err := strconv.ParseUint(v, 10, 16); err != nil || port == 0 {
			return invalid("%s is not a valid port: %s", attrPort, v)
		}
	}
	if v, ok := r.attributes[attrCNAME]; ok && !dnsName(v) {
		return invalid("%s is not a valid domain name: %s", attrCNAME, v)
	}
	return nil
}

func (r registration) checkHealth() error {
	v, ok := r.attributes[attrInitHealth]
	switch {
	case !ok:
		return nil
	case !r.service.CustomHealth:
		return invalid("%s can be specified only for services with HealthCheckCustomConfig.", attrInitHealth)
	case v != string(world.Healthy) && v != string(world.Unhealthy):
		return invalid("%s must be HEALTHY or UNHEALTHY: %s", attrInitHealth, v)
	}
	return nil
}

// checkRequired checks that the service's records and its health check can be
// made. An alias has everything from what it points to.
func (r registration) checkRequired() error {
	if r.has(attrAlias) {
		return nil
	}
	if r.service.HealthCheck != nil {
		switch {
		case !r.has(attrIPv4) && !r.has(attrIPv6):
			return invalid("The attribute %s is required for services with a health check.", attrIPv4)
		case !r.has(attrPort):
			return invalid("The attribute %s is required for services with a health check.", attrPort)
		}
	}
	ipv4, ipv6, srv := r.records(RecordTypeA), r.records(RecordTypeAaaa), r.records(RecordTypeSrv)
	switch {
	case r.records(RecordTypeCname) && !r.has(attrCNAME):
		return r.missing(attrCNAME)
	case ipv4 && ipv6 && !r.has(attrIPv4) && !r.has(attrIPv6), ipv4 && !ipv6 && !r.has(attrIPv4):
		return r.missing(attrIPv4)
	case ipv6 && !ipv4 && !r.has(attrIPv6):
		return r.missing(attrIPv6)
	case srv && !r.has(attrPort):
		return r.missing(attrPort)
	case srv && !r.has(attrIPv4) && !r.has(attrIPv6):
		return r.missing(attrIPv4)
	}
	return nil
}

func (r registration) missing(key string) error {
	var types []string
	for _, d := range r.service.Records {
		types = append(types, d.Type)
	}
	return invalid("The attribute %s is required for services with record type %s.", key, strings.Join(types, ", "))
}

// checkName checks that the instance id can be the name that an SRV record
// points to.
func (r registration) checkName() error {
	if !r.records(RecordTypeSrv) {
		return nil
	}
	if _, ok := zone.InstanceName(r.id); !ok || len(r.id)+1+len(owner(r.namespace, r.service)) > maxOwner {
		return invalid("The instance ID %s cannot be part of a DNS name, which SRV records need.", r.id)
	}
	return nil
}
