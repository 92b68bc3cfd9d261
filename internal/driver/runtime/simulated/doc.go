// Package simulated is a runtime driver without containers: tasks "run" as
// entries of a table, on any operating system and without root.
//
// A container runs until it is stopped, unless it is programmed otherwise: by
// variables of its environment, which a task definition can set, by labels, or
// by Options.Program in a Go test.
//
//	SEAMARK_SIM_RUN_FOR=2s       it ends by itself after that time
//	SEAMARK_SIM_EXIT_CODE=1      its exit code when it ends by itself (0)
//	SEAMARK_SIM_STOP_CODE=0      its exit code when the stop signal ends it (143)
//	SEAMARK_SIM_STOP_TAKES=5s    how long it goes on after the stop signal (0s)
//	SEAMARK_SIM_IGNORE_STOP=true it does not end by the stop signal
//	SEAMARK_SIM_START_TAKES=1s   how long Start takes (0s)
//	SEAMARK_SIM_LISTENS_AFTER=1s how long after its start it listens, on whatever port (0s)
//	SEAMARK_SIM_START_ERROR=text Start fails with this text
//	SEAMARK_SIM_OOM=true         it ends for want of memory, when it ends by itself
//	SEAMARK_SIM_EXEC=1,1,0       exit codes of commands, one after another; the last one stays (0)
//	SEAMARK_SIM_EXEC_TAKES=1s    how long each command takes (0s)
//
// The labels have the same names behind "seamark.sim/", in lower case with
// hyphens: seamark.sim/run-for. The environment wins.
//
// Any image with a well-formed name is there, except those whose repository
// has a component "missing" and those that Options.Missing names.
//
// Time is that of package time, so it is virtual in a bubble of
// testing/synctest. The driver has no goroutine of its own apart from one for
// each open Events. String prints the state.
package simulated
