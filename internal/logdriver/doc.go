// Package logdriver is the process between a container's output and its log
// stream: `seamark logger`, one for each container whose output is kept.
//
// The shim of the container's task starts it through containerd's binary://
// scheme, hands it the reading ends of the container's standard output and
// error as files 3 and 4, and waits until it closes file 5. From then on it
// depends on neither the control plane nor containerd: each line goes, with
// the time at which it was read, into the segments that package telemetry/logs
// keeps. It ends when both pipes are at their end, which is when the container
// is removed.
//
// A line ends at "\n", and "\r" before it is dropped; one above 256 KiB is
// split, as the awslogs driver does. Lines that cannot be kept, because the
// disk is full or the stream was deleted, are dropped and counted, and the
// count is the next line that can be kept: the container never waits for a
// disk that takes nothing.
package logdriver
