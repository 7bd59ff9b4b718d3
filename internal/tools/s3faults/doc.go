// Package s3faults holds backends/minio to its promises over lines that break
// and on a cluster that loses nodes. Everything in it is a test. It is apart
// from the library because the proxy that makes the faults, and the catalogs
// that the stores are tried with, are not the library's business.
package s3faults
