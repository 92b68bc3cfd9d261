// Package registry speaks to Cloud Map as cheaply as a client can that signs
// each request for real, so that what is measured is the server; and it keeps
// a ledger of what the server acknowledged, to compare with what API and DNS
// answer after a crash.
package registry
