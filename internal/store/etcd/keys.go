package etcd

import "seamark/internal/world"

// format is the version of the layout that this program writes. It reads
// formatJSON too, in which objects are JSON, and makes it its own by a claim: from
// then on objects may be of either form.
const (
	format     = "2"
	formatJSON = "1"
)

const (
	prefix      = "/seamark/v1/"
	keyFormat   = prefix + "format"
	keyEpoch    = prefix + "epoch"
	keyRevision = prefix + "revision"
)

// metaKeys is how many keys under the prefix are no objects.
const metaKeys = 3

// kindPrefix is what the keys of one kind's objects start with. A kind has no
// slash, so no two of these overlap, nor one with the keys above.
func kindPrefix(k world.Kind) string { return prefix + string(k) + "/" }
