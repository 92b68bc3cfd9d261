// Package containerd runs containers by containerd and runc: the runtime
// driver of a real machine.
//
// The driver keeps nothing that matters in memory. What exists is what
// containerd says, in a namespace of the Seamark instance's own; a new process
// makes a new Driver and finds the containers with their labels. All
// containers of a group share one shim process and one control group; each has
// its own root file system, PID, IPC, UTS and cgroup namespaces, and joins the
// network namespace that it was given. There is no pause container.
//
// A container can do what Docker's default lets it do: the same capabilities,
// seccomp profile and masked paths. Capabilities that reach beyond its own
// namespaces are refused, since there is no user namespace between it and the
// machine.
//
// Output goes through a logger process for each container (package logdriver),
// started by the shim, so it is kept while the control plane is away.
//
// Files in Options.RunDir: started/ID marks that the container was started,
// with the time as the file's own; runc/ and exec/ belong to runc and to
// commands that run in containers.
package containerd
