// Package runtimetest is the contract of runtime.Driver as a test suite, which
// every driver's tests run. What needs real processes is left out where the
// fixture says that there are none.
package runtimetest
