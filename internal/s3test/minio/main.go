// Command minio runs MinIO for tests that are not written in Go. It prints the
// URL that "holdall serve --blobs" takes, and ends when its standard input does.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/holdall-go/holdall/internal/s3test"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "minio:", err)
		os.Exit(1)
	}
}

func run() error {
	s, stop, err := s3test.Launch(s3test.MinIO)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println(s.URL("test", "&create=true"))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
