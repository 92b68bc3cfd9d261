// Package elbv2 is the API of Elastic Load Balancing v2 (2015-12-01).
//
// The zz_ files are generated from models/: Operations has one handler field per
// operation, <Op>Input and <Op>Output are its shapes, Err<Exception> makes a
// modelled exception, and NewService binds handlers for a wire.Mux. A member that
// is absent is nil; an empty list that must appear is an empty non-nil slice.
// Inputs that reach a handler satisfy the model's constraints.
package elbv2
