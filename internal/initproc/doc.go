// Package initproc is `seamark init`: the first process of a container that
// was asked for one (initProcessEnabled of a task definition).
//
// The kernel gives process 1 of a namespace two duties that few programs know
// of: it is the parent of every orphan and must reap them, and signals that it
// does not handle do nothing. This process does both for the program that it
// starts: it forwards signals, reaps, and ends with the program's exit code,
// 128 and the signal's number where a signal ended it.
package initproc
