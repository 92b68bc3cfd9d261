// Package linux makes VPC networks out of network namespaces, veth pairs and
// nftables.
//
// Every VPC has one namespace: its router. Every network interface has one,
// the task's, joined to the router by a veth pair that is made directly
// between the two, so nothing ever appears in the host's namespace:
//
//	RunDir/netns/vpc-1/router   lo: 10.0.0.2/32 10.0.1.1/32 …   v0a1b2c… (one per interface)
//	RunDir/netns/vpc-1/eni-0a1b2c…                              eth0 10.0.1.5/24, default via 10.0.1.1
//
// The router has a /32 route for every interface and answers ARP for all of
// them (proxy_arp), so traffic between two interfaces always passes its
// forward hook, also inside one subnet. There nftables sees the real incoming
// and outgoing interface and applies security groups with connection
// tracking. Since each VPC has routes, connections and rules of its own, VPCs
// may use the same addresses.
//
// Set compares before it changes. One dump each of links, routes, addresses
// and neighbour parameters and the number of nftables' generation tell
// whether the kernel still is what it was made; what differs is repaired.
// Rules change by one nftables transaction with only the difference. A new
// process, which knows nothing of the old rules, replaces the whole table in
// one transaction: connection tracking is no part of the table, so
// established connections go on.
//
// An interface with an IPv6 address has it as a /128, with a default route to the
// router's link-local fe80::1, which is on every router side of such a link; the
// router has a /128 route back. So there is nobody to discover on a link but the
// router, and traffic between two interfaces passes the forward hook here, too.
// Everywhere else IPv6 is off.
//
// What the driver does not do: it changes nothing in the host's own
// namespace, so there is no way out of a VPC here.
package linux
