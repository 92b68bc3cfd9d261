// Package conformance holds the tests that compare Seamark's DNS with a name
// server that others wrote: BIND's named serves the zone files in testdata,
// Seamark serves the same records from a world, and every answer must agree,
// query by query, in flags, rcode, question, sections, TTLs and records. What
// may differ is a table of rules, in exceptions_test.go and with the reasons in
// docs/conformance.md; any other difference fails.
//
// The servers are plain processes of the test, on loopback, with files in a
// directory of its own. Without named the tests skip; SEAMARK_REQUIRE_ROOT=1
// makes that a failure, as everywhere.
package conformance
