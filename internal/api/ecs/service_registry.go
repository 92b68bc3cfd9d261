package ecs

import (
	"slices"
	"strings"

	"seamark/internal/world"
)

func (s *Server) registryARN(id world.DiscoveryServiceID) string {
	return s.scope.ARN("servicediscovery", "service/"+string(id))
}

// maxRegistries is how many registries a service has that may have several.
const maxRegistries = 5

// newRegistries reads service registries. A service has at most one, unless its
// tags ask for the extension.
func (s *Server) newRegistries(in []ServiceRegistry, tags world.Tags) ([]world.ServiceRegistry, error) {
	most := 1
	if world.ManyRegistries(tags) {
		most = maxRegistries
	}
	if len(in) > most {
		return nil, invalid("serviceRegistries can have at most %d items.", most)
	}
	var out []world.ServiceRegistry
	for _, r := range in {
		id, err := s.registryID(val(r.RegistryArn))
		if err != nil {
			return nil, err
		}
		for name, port := range map[string]*int32{"port": r.Port, "containerPort": r.ContainerPort} {
			if port != nil && (*port < 1 || *port > 65535) {
				return nil, invalid("Invalid value %d for '%s' of a service registry.", *port, name)
			}
		}
		if slices.ContainsFunc(out, func(other world.ServiceRegistry) bool { return other.Service == id }) {
			return nil, invalid("The service registry %s is given twice.", val(r.RegistryArn))
		}
		out = append(out, world.ServiceRegistry{
			Service: id, Port: val(r.Port),
			ContainerName: val(r.ContainerName), ContainerPort: val(r.ContainerPort),
		})
	}
	return out, nil
}

// registryID reads the ARN of a Cloud Map service, which has to be in the account
// and Region of the ECS service.
func (s *Server) registryID(arn string) (world.DiscoveryServiceID, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] != "aws" || parts[2] != "servicediscovery" || !matches(`^service/srv-[a-z0-9]+$`, parts[5]) {
		return "", invalid("The format of the supplied service registry ARN is invalid: %s.", arn)
	}
	switch {
	case parts[3] != s.scope.Region:
		return "", invalid("The service registry %s is not in the Region %s of the service.", arn, s.scope.Region)
	case parts[4] != s.scope.Account:
		return "", invalid("The service registry %s does not belong to the account %s of the service.", arn, s.scope.Account)
	}
	return world.DiscoveryServiceID(strings.TrimPrefix(parts[5], "service/")), nil
}

// checkRegistry checks which members of a registry go with the task's network
// mode and the record types of the Cloud Map service (ECS developer guide,
// "Service discovery considerations").
func (s *Server) checkRegistry(w world.World, def *world.TaskDefinition, n world.NetworkConfiguration, r world.ServiceRegistry) error {
	ds := w.DiscoveryServices.Get(string(r.Service))
	if ds == nil {
		return invalid("The service registry %s was not found.", s.registryARN(r.Service))
	}
	if err := s.checkRecords(w, ds, n); err != nil {
		return err
	}
	switch def.NetworkMode {
	case NetworkModeAwsvpc:
		return checkAwsvpcRegistry(def, ds, r)
	case NetworkModeNone:
		return invalid("Service registries are not supported when networkMode is 'none'.")
	}
	switch {
	case r.ContainerName == "" || r.ContainerPort == 0:
		return invalid("When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition.")
	case r.Port != 0:
		return invalid("The values specified for serviceRegistries do not require a value for 'port'. Remove the value and retry.")
	case !ds.HostAddresses() && slices.ContainsFunc(ds.Records, func(r world.DNSRecord) bool { return r.Type != "SRV" }):
		return invalid("When specifying 'host' or 'bridge' for networkMode, the service registry must use SRV records only.")
	}
	return checkRegistryPort(def, r)
}

// checkRecords refuses Cloud Map services that tasks cannot register with. AWS
// does not look at the subnets; there, what is only reached by IPv6 fails to
// register again and again where a subnet has none.
func (s *Server) checkRecords(w world.World, ds *world.DiscoveryService, n world.NetworkConfiguration) error {
	if hasRecord(ds, "CNAME") {
		return invalid("The service registry %s uses CNAME records. Amazon ECS supports service registries with A, AAAA and SRV records only.", s.registryARN(ds.ID))
	}
	if !hasRecord(ds, "AAAA") || hasRecord(ds, "A") || hasRecord(ds, "SRV") {
		return nil
	}
	for _, id := range n.Subnets {
		if subnet := w.Subnets.Get(string(id)); subnet == nil || !subnet.IPv6.IsValid() {
			return invalid("The service registry %s uses AAAA records, but the subnet %s has no IPv6 CIDR block.", s.registryARN(ds.ID), id)
		}
	}
	return nil
}

func hasRecord(ds *world.DiscoveryService, kind string) bool {
	return slices.ContainsFunc(ds.Records, func(r world.DNSRecord) bool { return r.Type == kind })
}

func checkAwsvpcRegistry(def *world.TaskDefinition, ds *world.DiscoveryService, r world.ServiceRegistry) error {
	container := r.ContainerName != "" || r.ContainerPort != 0
	srv, addresses := hasRecord(ds, "SRV"), hasRecord(ds, "A") || hasRecord(ds, "AAAA")
	switch {
	case container && addresses && !srv && r.ContainerPort != 0:
		return invalid("The values specified for serviceRegistries do not require a value for 'containerPort'. Remove the value and retry.")
	case container && addresses && !srv:
		return invalid("The values specified for serviceRegistries do not require a value for 'containerName'. Remove the value and retry.")
	case container && r.Port != 0:
		return invalid("A service registry can have either a value for 'port' or values for 'containerName' and 'containerPort', but not both.")
	case container && (r.ContainerName == "" || r.ContainerPort == 0):
		return invalid("Values for both 'containerName' and 'containerPort' must be specified for a service registry.")
	case srv && !container && r.Port == 0:
		return invalid("When specifying 'awsvpc' for networkMode and a service registry with SRV records, either a value for 'port' or values for 'containerName' and 'containerPort' must be specified.")
	}
	if !container {
		return nil
	}
	return checkRegistryPort(def, r)
}

// checkRegistryPort checks that the task definition has the registry's container and port.
func checkRegistryPort(def *world.TaskDefinition, r world.ServiceRegistry) error {
	c := def.Container(r.ContainerName)
	if c == nil {
		return invalid("The container %s does not exist in the task definition.", r.ContainerName)
	}
	for _, p := range c.PortMappings {
		if p.ContainerPort == r.ContainerPort {
			return nil
		}
	}
	return invalid("The container %s did not have a container port %d defined.", r.ContainerName, r.ContainerPort)
}

func (s *Server) showRegistries(registries []world.ServiceRegistry) []ServiceRegistry {
	out := []ServiceRegistry{}
	for _, r := range registries {
		out = append(out, ServiceRegistry{
			RegistryArn: new(s.registryARN(r.Service)), Port: given(r.Port),
			ContainerName: given(r.ContainerName), ContainerPort: given(r.ContainerPort),
		})
	}
	return out
}
