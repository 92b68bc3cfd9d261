// Package world holds Seamark's nouns: plain, immutable values for everything
// the AWS APIs can name, and World, one revision of all of them.
//
// A World is a value. Reading it takes no lock, keeping an old one costs
// nothing, and two readers of the same revision see the same things. Objects
// in it are pointers to values that nobody changes after they were put: to
// change one, copy it, change the copy and put that (see Tx in package store).
//
// Each field of an object has one writer. Desired and observed state are
// separate fields; states move only forward along the tables in this package.
//
// The package does no I/O and imports nothing of Seamark's.
package world
