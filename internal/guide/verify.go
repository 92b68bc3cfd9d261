package guide

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/api/ec2"
)

// verify is step 7: from inside the VPC, from another VPC, and from an EC2
// instance with the guide's own user data.
func (w *Walk) verify(ctx context.Context) error {
	if w.o.Inside == nil {
		return w.verifySimulated(ctx)
	}
	if err := w.verifyInside(ctx); err != nil {
		return err
	}
	if err := w.verifyElsewhere(ctx); err != nil {
		return err
	}
	return w.verifyInstance(ctx)
}

// verifySimulated asks the VPC's resolver on its loopback port.
func (w *Walk) verifySimulated(ctx context.Context) error {
	at, err := w.o.Resolver(ctx, w.vpc)
	if err != nil {
		return err
	}
	w.command("dig -p %d @%s %s", at.Port(), at.Addr(), webName)
	return until(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", at.String())
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = w.dig(ctx, conn, 2)
		return err
	})
}

func (w *Walk) verifyInside(ctx context.Context) error {
	place, err := w.o.Inside(ctx, w.vpc)
	if err != nil {
		return err
	}
	err = errors.Join(w.digAndCurl(ctx, place), place.Close())
	return err
}

func (w *Walk) digAndCurl(ctx context.Context, place Place) error {
	w.command("seamark in %s -- dig %s", w.vpc, webName)
	conn, err := place.Dial(ctx, "udp", place.Resolver())
	if err != nil {
		return err
	}
	defer conn.Close()
	addresses, err := w.dig(ctx, conn, 2)
	if err != nil {
		return err
	}
	w.command("seamark in %s -- curl -I http://%s", w.vpc, webName)
	for _, a := range addresses {
		if err := w.curl(ctx, place, a); err != nil {
			return err
		}
	}
	return nil
}

// dig asks for the service's name, prints the answer as dig does and returns
// the addresses. want is how many there must be; 0: the name must not exist.
func (w *Walk) dig(ctx context.Context, conn net.Conn, want int) ([]netip.Addr, error) {
	query := new(dns.Msg).SetQuestion(dns.Fqdn(webName), dns.TypeA)
	answer, took, err := (&dns.Client{Timeout: 2 * time.Second}).ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn})
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			if ip, ok := netip.AddrFromSlice(a.A.To4()); ok {
				addresses = append(addresses, ip)
			}
		}
	}
	if want > 0 && len(addresses) != want || want == 0 && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("%s: %s with %d addresses", webName, dns.RcodeToString[answer.Rcode], len(addresses))
	}
	for line := range strings.Lines(answer.String()) {
		w.result("%s", strings.TrimRight(line, "\n"))
	}
	w.result(";; Query time: %s", took.Round(10*time.Microsecond))
	return addresses, nil
}

// curl asks one address of the service for its page.
func (w *Walk) curl(ctx context.Context, place Place, a netip.Addr) error {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return place.Dial(ctx, network, netip.AddrPortFrom(a, 80))
		},
	}}
	return until(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+webName+"/", nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		w.result("%s: %s %s, server: %s", a, resp.Proto, resp.Status, resp.Header.Get("Server"))
		if err := resp.Body.Close(); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answered %s", a, resp.Status)
		}
		return nil
	})
}

// verifyElsewhere shows that a VPC with the same addresses sees nothing.
func (w *Walk) verifyElsewhere(ctx context.Context) (err error) {
	w.printf("\n  The same from a second VPC with the same CIDR:\n")
	w.command("aws ec2 create-vpc --cidr-block 10.0.0.0/16")
	if w.other, err = w.createVPC(ctx, "another-vpc"); err != nil {
		return err
	}
	if _, err = w.createSubnet(ctx, w.other, "10.0.1.0/24", w.o.Region+"a"); err != nil {
		return err
	}
	place, err := w.o.Inside(ctx, w.other)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	w.command("seamark in %s -- dig %s", w.other, webName)
	return until(ctx, func(ctx context.Context) error {
		conn, err := place.Dial(ctx, "udp", place.Resolver())
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = w.dig(ctx, conn, 0)
		return err
	})
}

const userData = `#!/bin/bash
yum update -y
yum install -y bind-utils
echo "Testing DNS resolution..."
nslookup web.myapp.local
dig web.myapp.local
curl -I http://web.myapp.local`

// verifyInstance runs the guide's test instance and shows its console.
func (w *Walk) verifyInstance(ctx context.Context) error {
	w.printf("\n  And from an EC2 instance, with the guide's own user data:\n")
	w.command("aws ec2 run-instances --image-id ami-0abcdef1234567890 --instance-type t3.micro --subnet-id %s \\\n    --security-group-ids %s --user-data '#!/bin/bash …'", w.subnets[0], w.group)
	in := ec2.RunInstancesInput{
		ImageId: new("ami-0abcdef1234567890"), InstanceType: new("t3.micro"), SubnetId: &w.subnets[0], SecurityGroupIds: []string{w.group},
		MinCount: new(int32(1)), MaxCount: new(int32(1)), UserData: new(base64.StdEncoding.EncodeToString([]byte(userData))),
	}
	var out ec2.RunInstancesOutput
	if err := w.ec2Call(ctx, "RunInstances", &in, &out); err != nil {
		return err
	}
	w.instance = *out.Instances[0].InstanceId
	w.later("aws ec2 terminate-instances --instance-ids "+w.instance, func(ctx context.Context) error {
		return w.ec2Call(ctx, "TerminateInstances", &ec2.TerminateInstancesInput{InstanceIds: []string{w.instance}}, &ec2.TerminateInstancesOutput{})
	})
	w.result("%s", w.instance)
	w.command("aws ec2 get-console-output --instance-id %s", w.instance)
	console, err := w.console(ctx)
	for line := range bytes.Lines(console) {
		w.result("%s", bytes.TrimRight(line, "\r\n"))
	}
	return err
}

// console waits until the user data has had its answer.
func (w *Walk) console(ctx context.Context) (console []byte, err error) {
	err = until(ctx, func(ctx context.Context) error {
		var out ec2.GetConsoleOutputOutput
		if err := w.ec2Call(ctx, "GetConsoleOutput", &ec2.GetConsoleOutputInput{InstanceId: &w.instance}, &out); err != nil {
			return err
		}
		if out.Output != nil {
			if console, err = base64.StdEncoding.DecodeString(*out.Output); err != nil {
				return err
			}
		}
		if !bytes.Contains(console, []byte("HTTP/1.1 200")) {
			return errors.New("the instance has not printed an HTTP answer yet")
		}
		return nil
	})
	return console, err
}
