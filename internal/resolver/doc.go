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
// What is answered from where, the longest match first, and at equal length in
// this order: Resolver rules, whose targets are asked; the VPC's private zones;
// names that the resolver makes up for addresses, localhost and the reverse
// trees of private addresses, and the special-use names that the public DNS never
// has (.local, .test, .internal …), none of which is forwarded but by a rule;
// everything else upstream. A name that its zone does not have is not looked for
// in a parent zone or upstream. Below a SYSTEM rule all is as if there were no
// rules. Rules and zones stand in one tree, so rules cost a VPC without any nothing.
//
// An alias is resolved when it is asked for, in the VPC's table: its target's
// records appear under the alias's own name with the target's TTL, from prebuilt
// records. Of weighted sets one is drawn for each answer.
//
// The firewall looks at a question's name, and at each name that a CNAME leads
// to, by the labels of the name in one index of all lists. The query log keeps
// copies of answers until they are taken.
//
// An authoritative table is that of public zones: AA, referrals at zone cuts,
// REFUSED elsewhere, nothing made up and nothing asked.
//
// A Forwarder asks upstreams and the targets of rules. It caches by question and
// route, asks one question once however many wait for it, serves old answers
// when newer ones are not to be had (RFC 8767), goes on to TCP where an answer
// was cut, and mixes the case of letters as a protection against forgery. A
// question that comes back to where it came from, by rules that lead to inbound
// endpoints, ends there: the socket that sent a query is known, and so is the
// question that it was sent for.
//
// Decisions where AWS says nothing:
//   - AA is clear and RA is set in every answer, as in published dig output
//     from EC2 instances.
//   - A query without RD is answered from private zones and made-up names; what
//     would have to go upstream is REFUSED.
//   - Without upstreams, names that are not local are SERVFAIL at once.
//   - ANY gets one of the name's record sets (RFC 8482 section 4.1).
//   - An alias whose target does not exist, or has only a CNAME, is NODATA with
//     its own zone's SOA. Aliases in a circle are SERVFAIL.
//   - NS records below a private zone's apex are followed where the table has an
//     address of the servers and the VPC an outbound endpoint to ask from; else
//     they are none, as on AWS before there were delegation rules.
//   - Answers that the firewall blocks have no SOA, so that nobody keeps them.
//     What an OVERRIDE leads to is resolved, and no rule looks at it.
//   - A rule whose endpoint has no interface is SERVFAIL: nothing is asked from
//     elsewhere instead.
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
