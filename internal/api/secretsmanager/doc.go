// Package secretsmanager is the API of AWS Secrets Manager (2017-10-17).
//
// The zz_ files are generated from models/: Operations has one handler field per
// operation, <Op>Input and <Op>Output are its shapes, Err<Exception> makes a
// modelled exception, and NewService binds handlers for a wire.Mux. A member that
// is absent is nil; an empty list that must appear is an empty non-nil slice.
// Inputs that reach a handler satisfy the model's constraints.
package secretsmanager
