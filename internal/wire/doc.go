// Package wire is the server side of AWS's protocols: JSON 1.0 and 1.1, query,
// EC2 query, REST-XML and RPC v2 CBOR, driven by the models under models/.
//
// A generated package per service (internal/api/<service>/zz_*.go) holds Go
// structs whose tags carry the wire names, a struct of handler functions, and
// a constructor that binds both into a *Service. A Mux finds the service and
// operation of a request, verifies its signature, decodes and validates the
// input, calls the handler and encodes its output or error.
//
// What it promises: a request that the model does not allow never reaches a
// handler; a handler's error that is not an *Error never reaches a client; no
// input makes it panic. What it does not do: authorisation (IAM policies),
// event streams, and streaming of bodies.
//
//	mux := wire.NewMux(wire.Config{Logger: log, Verifier: v, Region: "us-east-1", Account: "123456789012"})
//	mux.Add(sts.NewService(sts.Operations{GetCallerIdentity: h.getCallerIdentity}))
//	http.Serve(ln, mux)
package wire
