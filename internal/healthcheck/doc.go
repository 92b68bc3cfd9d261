// Package healthcheck runs the health checks of Cloud Map's and Route 53's users
// against real endpoints: HTTP, HTTPS and TCP, with the intervals and timeouts
// of Route 53 (developer guide, "How Amazon Route 53 determines whether a health
// check is healthy"). What outcomes mean is decided in internal/plan/probe.
//
// A Prober knows nothing of what it checks: a Source says what a key stands for
// and takes the status when it changes.
//
//	p := healthcheck.New("checks", healthcheck.Options{Source: s, Dial: dial, Logger: log})
//	p.Enqueue(key)     // a new target, another one, or none any more
//	return p.Run(ctx)
//
// A new target is checked at once. From then on each key has its own place in
// the interval, so that many checks spread over it; after a restart a key waits
// for its place. Each check is a new connection, and no redirect is followed.
//
// All methods may be called from any goroutine.
package healthcheck
