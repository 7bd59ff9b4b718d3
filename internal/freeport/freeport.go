// Package freeport chooses addresses for servers that tests start.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Addr returns an address of the loopback interface that nothing listens on
// and that nothing takes by chance before it is used, or while a server is
// down that is to come back to it: systems give their outgoing connections and
// listeners on port 0 higher ports (Linux from 32768, others from 49152), and
// two callers rarely draw the same of so many. The error is that of the last
// of a hundred tries to listen.
func Addr() (string, error) {
	var failure error
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000)))
		if err != nil {
			failure = err
			continue
		}
		return l.Addr().String(), l.Close()
	}
	return "", failure
}
