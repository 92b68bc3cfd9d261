//go:build linux

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// domain is the zone that everyone serves.
const domain = "myapp.local"

// The zone's size and the parts of the query file, in percent.
const (
	names       = 1000
	instances   = 10 // of each name
	answered    = 8  // records that Seamark answers with, as Cloud Map does
	percentHit  = 85 // A of a name
	percentNone = 10 // AAAA of a name: NODATA
	// The rest are names that do not exist: NXDOMAIN.

	queries = 20000 // lines of the query file, asked round and round
)

// ttl is that of every record, and the zone's negative one, in seconds.
const ttl = 15

// address is that of a name's instance.
func address(name, instance int) string {
	return fmt.Sprintf("10.%d.%d.%d", 1+instance, name/250, 1+name%250)
}

// serviceName is the first label of a name.
func serviceName(i int) string { return fmt.Sprintf("web-%d", i) }

// The start of authority and name server of the zone are those that Seamark
// gives a private zone, so that negative answers have the same size everywhere.
const (
	nameServer = "ns-1536.awsdns-00.co.uk."
	authority  = nameServer + " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
)

// records lists the zone with so many addresses for each name, one record a
// line, as a zone file has them.
func records(perName int) []string {
	out := []string{
		fmt.Sprintf("%s. %d IN SOA %s", domain, ttl, authority),
		fmt.Sprintf("%s. %d IN NS %s", domain, ttl, nameServer),
	}
	for i := range names {
		for j := range perName {
			out = append(out, fmt.Sprintf("%s.%s. %d IN A %s", serviceName(i), domain, ttl, address(i, j)))
		}
	}
	return out
}

// writeQueries writes the query file of dnsperf: the same for everyone, and
// the same each time.
func writeQueries(w io.Writer) error {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range queries {
		name := serviceName(random.IntN(names))
		switch p := random.IntN(100); {
		case p < percentHit:
			fmt.Fprintf(&b, "%s.%s A\n", name, domain)
		case p < percentHit+percentNone:
			fmt.Fprintf(&b, "%s.%s AAAA\n", name, domain)
		default:
			fmt.Fprintf(&b, "no-%s.%s A\n", name, domain)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
