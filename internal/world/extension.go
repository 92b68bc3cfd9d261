package world

import (
	"fmt"
	"slices"
	"strings"
)

// Extensions are what Seamark does beyond AWS where a user asks for it by a tag
// (docs/extensions.md). A resource without such a tag behaves as on AWS.
const (
	extensionPrefix = "seamark:"
	// On a Cloud Map service.
	extensionAllAnswers = extensionPrefix + "answers"
	extensionPortNames  = extensionPrefix + "port-names"
	extensionHosts      = extensionPrefix + "host-addresses"
	// On an ECS service.
	extensionRegistries = extensionPrefix + "registries"
)

// The values of extensions.
const (
	answersAll     = "all"
	extensionOn    = "true"
	manyRegistries = "many"
)

// AllAnswers says whether an answer holds every healthy instance and not eight at
// most.
func (s *DiscoveryService) AllAnswers() bool { return s.Tags[extensionAllAnswers] == answersAll }

// PortNames says whether named ports of ECS tasks have names of their own: an SRV
// record set _NAME._PROTOCOL below the service's name (RFC 2782).
func (s *DiscoveryService) PortNames() bool { return s.Tags[extensionPortNames] == extensionOn }

// HostAddresses says whether ECS tasks in bridge and host mode may register by
// address records.
func (s *DiscoveryService) HostAddresses() bool { return s.Tags[extensionHosts] == extensionOn }

// ManyRegistries says whether an ECS service with these tags may have several
// service registries.
func ManyRegistries(tags Tags) bool { return tags[extensionRegistries] == manyRegistries }

// CheckDiscoveryExtensions refuses tags on a Cloud Map service that name no
// extension, or none that is built.
func CheckDiscoveryExtensions(tags Tags) error {
	return checkExtensions(tags, map[string]string{extensionAllAnswers: answersAll, extensionPortNames: extensionOn, extensionHosts: extensionOn})
}

// CheckServiceExtensions is the same for tags on an ECS service.
func CheckServiceExtensions(tags Tags) error {
	return checkExtensions(tags, map[string]string{extensionRegistries: manyRegistries})
}

func checkExtensions(tags Tags, known map[string]string) error {
	var wrong []string
	for key, value := range tags {
		if want, ok := known[key]; strings.HasPrefix(key, extensionPrefix) && (!ok || value != want) {
			wrong = append(wrong, key+"="+value)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("no extension of Seamark's for this resource is called %s", slices.Min(wrong))
}
