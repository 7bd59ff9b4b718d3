// Package contract holds the tests of the HTTP contract. They speak to a real
// server over the wire and hold every one of its answers to openapi.yaml.
//
// It is a module of its own so that what checks the contract is no dependency
// of the library.
package contract
