// Package script holds the behaviour scripts' harness, which is all in tests:
// it runs a whole Seamark in virtual time (testing/synctest) and plays the
// scripts of testdata/script on it.
//
// The APIs, the store's committer, the planners, the control loops and the node
// are the real ones. Containers and networks are simulated, the disk is a map,
// and the data plane is the real resolver on connections in memory. A script
// reads like a terminal:
//
//	up
//	setup ttl=10
//	aws ecs register-task-definition @web.json
//	service web desired=2
//	settle
//	dig web.myapp.local
//	stdout '10.0.1.4'
//
// The commands are listed at the variable commands; those of testscript (cmp,
// stdout, stderr, "!" before a command that must fail) are there, too.
package script
