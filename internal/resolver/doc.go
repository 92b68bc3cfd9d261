// Package resolver answers DNS for one VPC, as the resolver at the VPC's base
// address plus two does.
//
// A Resolver serves an immutable Table behind one atomic pointer. A Table is
// compiled once per change: records stand in it as the octets that go out, so
// that the usual query is answered by putting a header, the client's question
// and some records into the buffer that the query came in, without allocating
// anything. Everything unusual (CNAMEs, ANY, made-up names, what goes upstream)
// is put together by github.com/miekg/dns.
//
// What is answered from where, the longest match first: the VPC's private
// zones; names that the resolver makes up for addresses, localhost and the
// reverse trees of private addresses, and the special-use names that the public
// DNS never has (.local, .test, .internal …), none of which is ever forwarded;
// everything else upstream. A name that its zone does not have is not looked for in a
// parent zone or upstream.
//
// Decisions where AWS says nothing:
//   - AA is clear and RA is set in every answer, as in published dig output
//     from EC2 instances.
//   - A query without RD is answered from private zones and made-up names; what
//     would have to go upstream is REFUSED.
//   - Without upstreams, names that are not local are SERVFAIL at once.
//   - ANY gets one of the name's record sets (RFC 8482 section 4.1).
//   - AXFR and IXFR are REFUSED, and so is every class but IN.
//   - Opcodes other than QUERY are NOTIMP. Messages that are not exactly
//     well formed are FORMERR, responses and fragments of headers nothing.
//   - A signed query (TSIG) is NOTAUTH, since there are no keys (RFC 8945
//     section 5.2.1).
//   - Answers over UDP are at most 1232 octets however much the client takes.
//     One that is larger is empty with TC set.
//   - Positive answers from private zones are not cached, so their TTL does not
//     count down and a change shows at once.
//
// A Resolver is safe for concurrent use. Its sockets belong to the caller.
package resolver
