// Package laws holds what must be true of this repository as a whole, as tests:
// who may import whom, what each package says of itself, how large a file may
// be, that the documents' links lead somewhere, that the tests they name exist,
// and that the commands they show work.
//
// There is no code in it but its tests.
package laws
