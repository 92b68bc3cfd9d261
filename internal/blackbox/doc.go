// Package blackbox holds the tests of the built program as its users have it:
// they start bin/seamark on a data directory of their own, speak to it with the
// AWS CLI, the AWS SDK and raw requests, ask its DNS from inside its VPCs, kill
// its processes, fill its disk, and look at what it leaves on the machine.
//
// They need root, `make build engine images` and the programs that `make deps`
// installs, and skip without; SEAMARK_REQUIRE_ROOT=1 makes that a failure.
// SEAMARK_BIN names another binary than bin/seamark.
//
// What depends on how busy the machine is, they print and do not judge, beyond
// wide bounds.
package blackbox
