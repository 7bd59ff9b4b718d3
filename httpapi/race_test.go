//go:build race

package httpapi

// raceEnabled says that the race detector makes everything slow.
const raceEnabled = true
