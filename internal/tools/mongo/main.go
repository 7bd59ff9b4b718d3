// Mongo is the server of the tests: FerretDB with its SQLite handler behind a
// proxy that passes one message at a time. FerretDB's updates are not atomic
// when they run at once; one after the other they are.
//
//	mongo --dir DIR
//
// It listens on a free port of loopback, prints "ready ADDR" once it answers,
// and ends with its standard input, so that it does not outlive a test that is
// killed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	dir := flag.String("dir", "", "`folder` of the data")
	flag.Parse()
	if err := serve(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "mongo:", err)
		os.Exit(1)
	}
}

// socket is FerretDB's own, in the folder of the data: a path that is relative
// is never too long for the address of a socket.
const socket = "socket"

func serve(dir string) error {
	data, err := filepath.Abs(filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	_ = os.Remove(socket) // of a server that was killed
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + data + "/?_pragma=synchronous(off)", // it outlives its process, not the machine
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if err := awaitSocket(ended); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go (&proxy{}).serve(l)
	fmt.Println("ready", l.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// awaitSocket waits until FerretDB listens; else whoever is told to come finds
// his connection closed.
func awaitSocket(ended <-chan error) error {
	for {
		c, err := net.Dial("unix", socket)
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("it ended before it listened: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
