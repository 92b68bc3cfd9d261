//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/miekg/dns"
)

// askedNames are what each client looks up, with what it is to find: full names
// and ones to be completed, A alone and A with AAAA, an answer that needs TCP,
// and a name that is not there.
func askedNames() map[string][]string {
	three := []string{"10.0.9.1", "10.0.9.2", "10.0.9.3"}
	return map[string][]string{
		"few.myapp.local":  three,
		"few.myapp.local.": three,
		"few":              three,        // search
		"api.few":          {"10.0.9.9"}, // search goes first: ndots is 2
		"both":             {"10.0.9.4", "2001:db8::4"},
		"gone.myapp.local": nil,
		"big.example":      bigAnswer(),
	}
}

// bigAnswer is more than UDP takes.
func bigAnswer() []string {
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprintf("192.0.2.%d", i))
	}
	slices.Sort(all)
	return all
}

// cutAnswer is what of bigAnswer fits 512 octets: with the question 29 are taken,
// and each record has 16.
func cutAnswer() []string { return bigAnswer()[:30] }

// TestClients looks names up inside a VPC with the resolvers that programs have:
// those of glibc, musl and Go, and c-ares.
func TestClients(t *testing.T) {
	needRoot(t)
	dir := scratch(t)
	clients := map[string][]string{
		"glibc":  {compiled(t, dir, "gcc", "getaddrinfo.c")},
		"musl":   {compiled(t, dir, "musl-gcc", "getaddrinfo.c", "-static")},
		"c-ares": {compiled(t, dir, "gcc", "ares.c", "-lcares")},
		"Go":     {"env", goClientEnv + "=1", os.Args[0], "-test.run=^TestGoClient$"},
	}
	s := start(t, options{flags: []string{"--dns-upstream", bigServer(t)}})
	vpc := s.makeVPC("10.0.0.0/16")
	s.makeSubnet(vpc, "10.0.1.0/24", region+"a")
	s.registerNames(s.makeNamespace("myapp.local", vpc))
	conf := filepath.Join(dir, "resolv.conf")
	text := fmt.Sprintf("nameserver %s\nsearch myapp.local\noptions ndots:2\n", resolverAddress.Addr())
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, command := range clients {
		t.Run(name, func(t *testing.T) {
			want := askedNames()
			if name == "musl" {
				want["big.example"] = cutAnswer() // before 1.2.4, musl speaks no TCP
			}
			lookUp(t, s, vpc, conf, command, want)
		})
	}
}

// lookUp runs a client with a resolv.conf of the test.
func lookUp(t *testing.T, s *server, vpc, conf string, command []string, want map[string][]string) {
	var names []string
	for name := range want {
		names = append(names, name)
	}
	mounted := []string{"in", vpc, "--", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf}
	out, code := s.seamark(mounted[0], slices.Concat(mounted[1:], command, names)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	found := map[string][]string{}
	for line := range strings.Lines(out) {
		name, addresses, ok := strings.Cut(strings.TrimSpace(line), ":")
		if _, asked := want[name]; !ok || !asked {
			continue // of the test binary's own
		}
		all := strings.Fields(addresses)
		slices.Sort(all)
		found[name] = slices.Compact(slices.DeleteFunc(all, func(a string) bool { return a == "none" }))
	}
	for name, addresses := range want {
		if got, ok := found[name]; !ok || !slices.Equal(got, addresses) {
			t.Errorf("%s: %v, want %v", name, got, addresses)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

const goClientEnv = "SEAMARK_TEST_LOOKUP"

// TestGoClient is the program that TestClients runs inside a VPC: Go's own resolver.
func TestGoClient(t *testing.T) {
	if os.Getenv(goClientEnv) == "" {
		t.Skip("a part of TestClients")
	}
	r := &net.Resolver{PreferGo: true}
	for _, name := range os.Args[2:] {
		addresses, err := r.LookupHost(t.Context(), name)
		if err != nil {
			addresses = []string{"none"}
		}
		fmt.Printf("%s: %s\n", name, strings.Join(addresses, " "))
	}
}

// compiled builds one of the programs in testdata.
func compiled(t *testing.T, dir, compiler, source string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		missing(t, fmt.Sprintf("%v (make deps)", err))
	}
	program := filepath.Join(dir, compiler+"-"+strings.TrimSuffix(source, ".c"))
	args := append([]string{"-Wall", "-Wextra", "-Werror", "-O1", "-o", program, filepath.Join("testdata", source)}, flags...)
	if out, err := exec.CommandContext(t.Context(), compiler, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	return program
}

// registerNames makes the services that askedNames finds.
func (s *server) registerNames(namespace string) {
	s.t.Helper()
	ctx := context.Background()
	service := func(name string, types ...sdtypes.RecordType) string {
		config := &sdtypes.DnsConfig{}
		for _, typ := range types {
			config.DnsRecords = append(config.DnsRecords, sdtypes.DnsRecord{Type: typ, TTL: aws.Int64(60)})
		}
		made, err := s.discovery().CreateService(ctx, &servicediscovery.CreateServiceInput{Name: &name, NamespaceId: &namespace, DnsConfig: config})
		if err != nil {
			s.t.Fatal(err)
		}
		return *made.Service.Id
	}
	register := func(service, id string, attributes map[string]string) {
		made, err := s.discovery().RegisterInstance(ctx, &servicediscovery.RegisterInstanceInput{ServiceId: &service, InstanceId: &id, Attributes: attributes})
		if err != nil {
			s.t.Fatal(err)
		}
		s.eventually("instance "+id+" is registered", func() error {
			op, err := s.discovery().GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: made.OperationId})
			if err == nil && op.Operation.Status != sdtypes.OperationStatusSuccess {
				err = fmt.Errorf("%s: %s", op.Operation.Status, aws.ToString(op.Operation.ErrorMessage))
			}
			return err
		})
	}
	few := service("few", sdtypes.RecordTypeA)
	for i := range 3 {
		register(few, fmt.Sprintf("i%d", i), map[string]string{"AWS_INSTANCE_IPV4": fmt.Sprintf("10.0.9.%d", i+1)})
	}
	register(service("api.few", sdtypes.RecordTypeA), "i", map[string]string{"AWS_INSTANCE_IPV4": "10.0.9.9"})
	register(service("both", sdtypes.RecordTypeA, sdtypes.RecordTypeAaaa), "i", map[string]string{"AWS_INSTANCE_IPV4": "10.0.9.4", "AWS_INSTANCE_IPV6": "2001:db8::4"})
}

// bigServer is an upstream whose only name has many addresses.
func bigServer(t *testing.T) string {
	t.Helper()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		switch {
		case !strings.EqualFold(q.Question[0].Name, "big.example."): // questions come in random case
			m.Rcode = dns.RcodeNameError
		case q.Question[0].Qtype == dns.TypeA:
			for _, text := range bigAnswer() {
				m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: "big.example.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: netip.MustParseAddr(text).AsSlice()})
			}
		}
		if _, tcp := w.RemoteAddr().(*net.TCPAddr); !tcp {
			m.Truncate(dns.MinMsgSize)
		}
		_ = w.WriteMsg(m) // the resolver asks again
	})
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}} {
		ended := make(chan struct{})
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() {
			defer close(ended)
			if err := s.ActivateAndServe(); err != nil {
				t.Error(err)
			}
		}()
		<-up
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Error(err)
			}
			<-ended
		})
	}
	return udp.LocalAddr().String()
}
