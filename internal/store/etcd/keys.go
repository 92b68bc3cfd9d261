package etcd

import (
	"fmt"

	"seamark/internal/world"
)

// format is the version of the layout that this program writes. Earlier ones had a
// key for each object: of JSON in format 1, of JSON or CBOR in 2. They are read, and
// a claim makes them format 3, whose first checkpoint takes the place of those keys.
const format = "3"

func readable(f string) bool { return f == "" || f == "1" || f == "2" || f == format }

const (
	prefix        = "/seamark/v1/"
	keyFormat     = prefix + "format"
	keyEpoch      = prefix + "epoch"
	keyRevision   = prefix + "revision"
	keyCheckpoint = prefix + "checkpoint"
	keyJournal    = prefix + "journal/"
	keyChunks     = prefix + "chunk/"
)

// metaKeys is how many keys under the prefix are no objects, where no checkpoint
// was ever made and the journal is empty.
const metaKeys = 3

// kindPrefix is what the keys of one kind's objects start with in the earlier
// formats. A kind has no slash, so no two of these overlap, nor one with the keys
// above.
func kindPrefix(k world.Kind) string { return prefix + string(k) + "/" }

// journalKey is where the batch that made a revision is.
func journalKey(revision int64) string { return keyJournal + digits(revision) }

// chunksOf is what the keys of a checkpoint's chunks start with.
func chunksOf(revision int64) string { return keyChunks + digits(revision) + "/" }

func chunkKey(revision int64, n int) string { return chunksOf(revision) + digits(int64(n)) }

// digits sort as the numbers do.
func digits(n int64) string { return fmt.Sprintf("%019d", n) }
