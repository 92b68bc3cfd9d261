//go:build linux

package main

import (
	"fmt"
	"strings"
)

// peer is another DNS server and how it is made to serve the zone. All get as
// many workers as there are cores, answers without the records that Seamark does not
// send either (authority and additional sections), and no limit of their own;
// everything else is as they come.
type peer struct {
	name string
	// program is looked for in PATH and beside the benchmark's binary.
	program string
	version []string // arguments that make it print its version
	args    func(dir string) []string
	files   func(s setting) map[string]string
	inC     bool // one of those whose best is Seamark's measure
}

// setting is what a peer's configuration depends on.
type setting struct {
	dir     string // where its files are
	listen  string
	records []string
	cores   int
}

func (s setting) zoneFile() string { return strings.Join(s.records, "\n") + "\n" }

// peers are all of them.
func peers() []peer {
	return []peer{
		{name: "Knot", program: "knotd", version: []string{"--version"}, inC: true, files: knot,
			args: func(dir string) []string { return []string{"-c", dir + "/knot.conf"} }},
		{name: "NSD", program: "nsd", version: []string{"-v"}, inC: true, files: nsd,
			args: func(dir string) []string { return []string{"-d", "-c", dir + "/nsd.conf"} }},
		{name: "Unbound", program: "unbound", version: []string{"-V"}, inC: true, files: unbound,
			args: func(dir string) []string { return []string{"-d", "-c", dir + "/unbound.conf"} }},
		{name: "BIND", program: "named", version: []string{"-v"}, inC: true, files: bind,
			args: func(dir string) []string { return []string{"-g", "-c", dir + "/named.conf"} }},
		{name: "CoreDNS", program: "coredns", version: []string{"-version"}, files: coreDNS,
			args: func(dir string) []string { return []string{"-conf", dir + "/Corefile"} }},
	}
}

func knot(s setting) map[string]string {
	return map[string]string{"zone": s.zoneFile(), "knot.conf": fmt.Sprintf(`server:
    rundir: %[1]s
    listen: %[2]s@53
    udp-workers: %[3]d
database:
    storage: %[1]s
log:
  - target: stderr
    any: warning
zone:
  - domain: %[4]s
    storage: %[1]s
    file: zone
    zonefile-sync: -1
    journal-content: none
`, s.dir, s.listen, s.cores, domain)}
}

// NSD limits its rate unless told otherwise.
func nsd(s setting) map[string]string {
	return map[string]string{"zone": s.zoneFile(), "nsd.conf": fmt.Sprintf(`server:
    server-count: %[3]d
    reuseport: yes
    ip-address: %[2]s
    username: ""
    chroot: ""
    zonesdir: %[1]s
    database: ""
    pidfile: %[1]s/nsd.pid
    xfrdfile: %[1]s/xfrd.state
    xfrdir: %[1]s
    zonelistfile: %[1]s/zone.list
    rrl-ratelimit: 0
    minimal-responses: yes
remote-control:
    control-enable: no
zone:
    name: %[4]s
    zonefile: zone
`, s.dir, s.listen, s.cores, domain)}
}

// Unbound is a resolver, too: the zone is its local data, which is how it is
// used for private names.
func unbound(s setting) map[string]string {
	var data strings.Builder
	for _, r := range s.records {
		fmt.Fprintf(&data, "    local-data: %q\n", r)
	}
	return map[string]string{"unbound.conf": fmt.Sprintf(`server:
    num-threads: %[3]d
    so-reuseport: yes
    interface: %[2]s
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    directory: %[1]s
    pidfile: %[1]s/unbound.pid
    use-syslog: no
    module-config: "iterator"
    minimal-responses: yes
    local-zone: "%[4]s." static
%[5]sremote-control:
    control-enable: no
`, s.dir, s.listen, s.cores, domain, data.String())}
}

func bind(s setting) map[string]string {
	return map[string]string{"zone": s.zoneFile(), "named.conf": fmt.Sprintf(`options {
	directory "%[1]s";
	pid-file "%[1]s/named.pid";
	session-keyfile "%[1]s/session.key";
	managed-keys-directory "%[1]s";
	listen-on { %[2]s; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	notify no;
	minimal-responses yes;
};
controls {};
zone "%[3]s" { type primary; file "%[1]s/zone"; };
`, s.dir, s.listen, domain)}
}

// CoreDNS has one socket unless told otherwise.
func coreDNS(s setting) map[string]string {
	return map[string]string{"zone": s.zoneFile(), "Corefile": fmt.Sprintf(`%[4]s:53 {
	bind %[2]s
	multisocket %[3]d
	file %[1]s/zone
	minimal
}
`, s.dir, s.listen, s.cores, domain)}
}
