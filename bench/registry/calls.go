package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Register enters an instance with an IPv4 address.
func (c *Client) Register(service, id string, address netip.Addr) error {
	body := fmt.Appendf(nil, `{"ServiceId":%q,"InstanceId":%q,"Attributes":{"AWS_INSTANCE_IPV4":%q,"AWS_INSTANCE_PORT":"8080","AVAILABILITY_ZONE":"us-east-1a"}}`, service, id, address)
	_, err := c.Call("RegisterInstance", body)
	return err
}

// Deregister removes an instance.
func (c *Client) Deregister(service, id string) error {
	_, err := c.Call("DeregisterInstance", fmt.Appendf(nil, `{"ServiceId":%q,"InstanceId":%q}`, service, id))
	return err
}

// SetHealth sets the custom health of an instance: HEALTHY or UNHEALTHY.
func (c *Client) SetHealth(service, id, status string) error {
	_, err := c.Call("UpdateInstanceCustomHealthStatus", fmt.Appendf(nil, `{"ServiceId":%q,"InstanceId":%q,"Status":%q}`, service, id, status))
	return err
}

// DiscoverBody is a request for all instances of a service.
func DiscoverBody(namespace, service string, most int) []byte {
	return fmt.Appendf(nil, `{"NamespaceName":%q,"ServiceName":%q,"HealthStatus":"ALL","MaxResults":%d}`, namespace, service, most)
}

// Discover returns the addresses of a service's instances, by instance id.
func (c *Client) Discover(namespace, service string) (map[string]netip.Addr, error) {
	b, err := c.Call("DiscoverInstances", DiscoverBody(namespace, service, 1000))
	if err != nil {
		return nil, err
	}
	var out struct {
		Instances []struct {
			InstanceID string `json:"InstanceId"`
			Attributes map[string]string
		}
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, err
	}
	found := map[string]netip.Addr{}
	for _, i := range out.Instances {
		if found[i.InstanceID], err = netip.ParseAddr(i.Attributes["AWS_INSTANCE_IPV4"]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Namespace makes a namespace of a kind ("Http", "PrivateDns"); vpc is for private ones.
func (c *Client) Namespace(kind, name, vpc string) (id string, err error) {
	body := fmt.Appendf(nil, `{"Name":%q}`, name)
	if vpc != "" {
		body = fmt.Appendf(nil, `{"Name":%q,"Vpc":%q}`, name, vpc)
	}
	var made struct {
		OperationID string `json:"OperationId"`
	}
	if err := c.do("Create"+kind+"Namespace", body, &made); err != nil {
		return "", err
	}
	return c.outcome(made.OperationID)
}

// outcome waits for the operation that makes a namespace.
func (c *Client) outcome(operation string) (namespace string, err error) {
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(time.Millisecond) {
		var out struct {
			Operation struct {
				Status  string
				Targets map[string]string
			}
		}
		if err := c.do("GetOperation", fmt.Appendf(nil, `{"OperationId":%q}`, operation), &out); err != nil {
			return "", err
		}
		switch out.Operation.Status {
		case "SUCCESS":
			return out.Operation.Targets["NAMESPACE"], nil
		case "FAIL":
			return "", errors.New("the namespace was not made")
		}
	}
	return "", errors.New("the namespace is still being made")
}

// Service makes a service: with A records and custom health in a DNS namespace.
func (c *Client) Service(namespace, name string, dns bool) (id string, err error) {
	body := fmt.Appendf(nil, `{"NamespaceId":%q,"Name":%q}`, namespace, name)
	if dns {
		body = fmt.Appendf(nil, `{"NamespaceId":%q,"Name":%q,"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":10}]},"HealthCheckCustomConfig":{"FailureThreshold":1}}`, namespace, name)
	}
	var made struct {
		Service struct {
			ID string `json:"Id"`
		}
	}
	err = c.do("CreateService", body, &made)
	return made.Service.ID, err
}

func (c *Client) do(operation string, body []byte, out any) error {
	b, err := c.Call(operation, body)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return json.Unmarshal(b, out)
}
