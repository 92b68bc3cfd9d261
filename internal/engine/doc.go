// Package engine runs Seamark's own containerd, the process that drives the
// containers of one Seamark instance.
//
// containerd is a process of its own, with its own session and control group,
// so that it and the containers outlive the control plane. Start therefore
// looks first for one that an earlier control plane left behind and adopts it:
// the process with the recorded pid and start time, whose socket answers. Run
// watches it and starts it again when it ends; the containers go on meanwhile,
// because each task has a shim of its own. Stop ends it and removes its state.
//
// What it does not do: it starts no containers (package
// driver/runtime/containerd does), and it never touches a containerd that it
// did not start.
//
//	e, err := engine.Start(ctx, engine.Options{BinDir: "/opt/seamark/engine", ...})
//	go e.Run(ctx)
//	driver, err := containerd.New(ctx, containerd.Options{Socket: e.Socket(), Snapshotter: e.Snapshotter(), ...})
package engine
