package datadir

import "fmt"

// upgrade brings a directory from one format to the next. It may be repeated
// after a crash in the middle, and must leave what it reads until it is done.
type upgrade struct {
	what string
	run  func(d *Dir) error
}

// upgrades are the steps from format 1 on: the first leads from 1 to 2. A
// change of anything on disk that an older Seamark would misread adds one.
var upgrades = []upgrade{
	// Objects of the state are CBOR from here on. One that is JSON is read as
	// well, and becomes CBOR when it changes next.
	{"objects as CBOR", func(*Dir) error { return nil }},
	// The state is a journal and checkpoints. Package etcd reads the keys of each
	// object as well, until the first checkpoint.
	{"the state as a journal", func(*Dir) error { return nil }},
}

// upgrade runs the steps that are missing. The format is written down after
// each.
func (d *Dir) upgrade(steps []upgrade) error {
	for d.version.Format <= len(steps) {
		step := steps[d.version.Format-1]
		if err := step.run(d); err != nil {
			return fmt.Errorf("upgrade %s from format %d (%s): %w", d.path, d.version.Format, step.what, err)
		}
		d.version.Format++
		if err := d.writeVersion(); err != nil {
			return err
		}
	}
	return nil
}
