// Command bench measures Holdall against the raw way of doing the same, and
// prints each figure beside what is required.
//
// The benchmarks are ordinary ones (go test -bench .). Absolute speeds drift
// with the machine, so each runs the raw way in the same run, turn by turn,
// and reports the median of the ratios; 1 is as fast as the raw way, less is
// slower. "go run ." runs them all and exits with 1 when one falls short.
package main
