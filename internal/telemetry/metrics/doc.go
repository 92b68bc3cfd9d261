// Package metrics keeps CloudWatch metrics: statistics of values by namespace,
// name, dimensions and unit, in buckets of time.
//
// Every datum goes into buckets of one minute, five minutes and one hour, and
// a high-resolution one into buckets of one second too. Each size has its own
// retention, those of CloudWatch: three hours, 15, 63 and 455 days. A bucket
// holds sum, count, minimum, maximum and, where it can, the values themselves,
// so that percentiles are exact for up to 256 different values and close beyond
// (within two percent where the values differ by less than a factor of 28,000).
//
// # What it promises
//
//   - Record touches memory only and never waits for the disk.
//   - Query and List see what Record took, at once and exactly once.
//   - What was flushed survives a crash. Run flushes every few seconds and
//     Close once more, so a crash loses at most FlushInterval.
//   - Memory is bounded. While the disk is full, data waits in memory up to
//     Options.MaxPending buckets; after that new buckets are dropped and
//     counted (see Dropped).
//
// # What it does not do
//
// Statistic sets that were put with more than one different value have no
// percentiles, as on CloudWatch. Expressions over metrics are the API's.
//
// # On disk
//
// One bbolt file with three buckets: "meta" (the generation of the last flush),
// "series" (the series' text form to its number and last activity) and "points",
// whose keys are the bucket's size, its time and the series' number, all big
// endian, so that a flush writes neighbouring pages and expiry is one range.
//
//	s, err := metrics.Open(path, metrics.Options{Logger: log})
//	s.Record(metrics.Datum{Namespace: "AWS/Route53Resolver", Name: "QueryCount",
//		Dimensions: metrics.Dimensions{{Name: "VPC", Value: "vpc-1"}}, Unit: "Count",
//		Time: time.Now(), Stat: metrics.Value(3)})
package metrics
