// Package cgroup makes, limits and removes control groups by writing the
// kernel's files, on machines with cgroup v1 (also hybrid) and v2.
//
// It exists for the groups that no container engine makes: the one that all
// containers of a task share, and the ones of Seamark's own long-lived
// processes. A path is absolute within the hierarchy, as in /proc/PID/cgroup:
// "/seamark-1f2e/4711". With v1 the same path is made in every hierarchy that
// matters. The groups of single containers are runc's.
//
// Everything is idempotent: creating what exists sets its limits, removing
// what is not there succeeds.
//
//	fs, err := cgroup.Host()
//	err = fs.Create("/seamark-1f2e/4711", cgroup.Limits{MemoryBytes: 512 << 20})
//	err = fs.Remove(ctx, "/seamark-1f2e/4711")
package cgroup
