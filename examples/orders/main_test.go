package main

import (
	"os"
	"strings"
	"testing"

	"github.com/holdall-go/holdall/internal/leak"
	"github.com/holdall-go/holdall/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m, pgtest.Stop)) }

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), pgtest.Start(t).DSN, &out); err != nil {
		t.Fatal(err)
	}
	want := "order 1001 is placed\norder 1001: an order needs a total\ninvoices/1001.txt: to pay: 12.50\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
