package conformance

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// namedConf makes named behave as a VPC's resolver, or as a name server of the
// outside:
//
//   - minimal-responses and minimal-any: positive answers have no authority and
//     additional section, and ANY gets one record set (RFC 8482), as published
//     dig output of EC2 instances shows;
//   - max-udp-size, edns-udp-size: 1,232 octets, as here;
//   - max-records-per-type: Route 53 has up to 400 values in a set.
var namedConf = template.Must(template.New("named.conf").Parse(`
options {
	directory "{{.Dir}}";
	listen-on port {{.Port}} { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile none;
	managed-keys-directory "{{.Dir}}";
	dnssec-validation no;
{{- if .Upstream.IsValid}}
	forward only;
	forwarders { {{.Upstream.Addr}} port {{.Upstream.Port}}; };
{{- end}}
	recursion {{if or .Upstream.IsValid .Empty}}yes{{else}}no{{end}};
	empty-zones-enable {{if .Empty}}yes{{else}}no{{end}};
	minimal-responses yes;
	minimal-any yes;
	max-udp-size 1232;
	edns-udp-size 1232;
	check-names primary ignore;
	check-integrity no;
	max-cache-size 32m;
	max-records-per-type 0;
	zero-no-soa-ttl no;
	notify no;
	querylog no;
};
controls { };
{{- range .Zones}}
zone "{{.Origin}}" { type primary; file "{{.File}}"; };
{{- end}}
`))

// named is one named.
type named struct {
	Dir      string
	Port     uint16
	Upstream netip.AddrPort // what it forwards to; without, it is authoritative only
	Empty    bool           // it has the empty zones of RFC 6303, and all the rest in its zones
	Zones    []zoneFile
}

// zoneFile is a zone and its file in testdata.
type zoneFile struct{ Origin, File string }

// startInternet is a name server for the root, to which all resolvers forward.
func startInternet(t testing.TB) netip.AddrPort {
	t.Helper()
	return startNamed(t, named{Zones: []zoneFile{{".", "internet.zone"}}})
}

// startBIND is a resolver that serves the VPC's zones itself and forwards the
// rest.
func startBIND(t testing.TB, upstream netip.AddrPort) netip.AddrPort {
	t.Helper()
	n := named{Upstream: upstream}
	for _, origin := range privateZones() {
		n.Zones = append(n.Zones, zoneFile{origin, filepath.Base(zonePath(origin))})
	}
	return startNamed(t, n)
}

// startAuthority is a name server of the public zones.
func startAuthority(t testing.TB) netip.AddrPort {
	t.Helper()
	var n named
	for _, origin := range publicZones() {
		n.Zones = append(n.Zones, zoneFile{origin, filepath.Base(zonePath(origin))})
	}
	return startNamed(t, n)
}

// startEmpty is a server of the names that a resolver makes up.
func startEmpty(t testing.TB) netip.AddrPort {
	t.Helper()
	return startNamed(t, named{Empty: true, Zones: []zoneFile{{".", "internet.zone"}, {"localhost.", "localhost.zone"}}})
}

// startNamed runs a copy of the program, since Debian's AppArmor profile of
// /usr/sbin/named keeps it from reading anything here.
func startNamed(t testing.TB, n named) netip.AddrPort {
	t.Helper()
	path := program(t, "named")
	n.Dir = t.TempDir()
	copyFile(t, filepath.Join(n.Dir, "named"), path)
	for _, z := range n.Zones {
		copyFile(t, filepath.Join(n.Dir, z.File), filepath.Join("testdata", z.File))
	}
	conf := filepath.Join(n.Dir, "named.conf")
	for range 5 {
		n.Port = freePort(t)
		var text strings.Builder
		if err := namedConf.Execute(&text, n); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(conf, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), n.Port)
		if run(t, at, n.Zones[0].Origin, filepath.Join(n.Dir, "named"), "-g", "-4", "-n", "1", "-c", conf) {
			return at
		}
	}
	t.Fatal("named did not start")
	return netip.AddrPort{}
}
