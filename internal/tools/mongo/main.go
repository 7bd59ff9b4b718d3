// Mongo is the server of the tests: FerretDB with its SQLite handler behind a
// proxy that passes one message at a time. FerretDB's updates are not atomic
// when they run at once; one after the other they are.
//
//	mongo --dir DIR [--listen ADDR]
//
// It prints "ready ADDR" and ends with its standard input, so that it does not
// outlive a test that is killed.
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

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	dir := flag.String("dir", "", "`folder` of the data")
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	flag.Parse()
	if err := serve(*dir, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "mongo:", err)
		os.Exit(1)
	}
}

func serve(dir, listen string) error {
	socket := filepath.Join(dir, "socket")
	data := filepath.Join(dir, "data")
	_ = os.Remove(socket) // of a server that was killed
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
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
	go func() { _ = f.Run(ctx) }()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	go (&proxy{socket: socket}).serve(l)
	fmt.Println("ready", l.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
