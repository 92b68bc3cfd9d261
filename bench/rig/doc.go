// Package rig is what the benchmarks have in common: their main function, the built
// Seamark on a scratch data directory, the machine that it runs on, the memory of
// its processes, and the section of docs/benchmarks.md that a benchmark keeps.
package rig
