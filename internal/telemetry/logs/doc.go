// Package logs keeps the events of CloudWatch Logs streams in plain
// append-only files, outside the world's store.
//
// A stream is a directory under one root (see StreamDir). It holds a file
// "stream" with the creation time and segments named 0000001.seg, 0000002.seg
// and so on. A segment is an eight-byte header and records:
//
//	u32 length of the message, little endian as all numbers here
//	u32 CRC-32C of the rest of the record and of the length
//	i64 timestamp, milliseconds since 1970
//	i64 ingestion time, milliseconds since 1970
//	... the message
//
// There are two sides. A Writer belongs to one process, such as the logger of
// one container, and needs nothing but the directory: it works while the
// control plane is down. A Store is the control plane's side: it lists, reads,
// merges and deletes streams, and appends the batches of PutLogEvents.
//
// # What it promises
//
//   - A record is visible to every reader as soon as Append returned, and
//     survives the end of the process that wrote it.
//   - Readers take no lock and never see half a record. A torn or damaged
//     record ends its segment for readers; a Writer that finds one starts the
//     next segment and changes nothing.
//   - Each segment has one writer at a time, which holds an advisory lock on
//     it. A second writer of the same stream uses a segment of its own, and
//     readers merge.
//   - A stream's size is bounded: the oldest segment goes when a new one would
//     exceed the bound.
//   - Readers see events in the order of their timestamps, whatever the order
//     in which they were written.
//
// # What it does not do
//
// Append never syncs: a power failure or a kernel crash loses what the kernel
// had not written back, usually the last 30 seconds. Store.Put syncs once for
// each batch, because its caller was told that the events are kept.
//
//	w, err := logs.OpenWriter(logs.StreamDir(root, "/ecs/web", "ecs/web/1f2e"), logs.WriterOptions{})
//	err = w.Append(time.Now(), []byte("GET / HTTP/1.1 200"))
//	err = w.Close()
package logs
