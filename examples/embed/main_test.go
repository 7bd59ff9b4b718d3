package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1", "2"} { // the second run finds what the first has left
		var out strings.Builder
		if err := run(t.Context(), dir, &out); err != nil {
			t.Fatal(err)
		}
		want := "offers/2026/oranges.txt 10 bytes text/plain; charset=utf-8\n" +
			"offers oranges at version " + version + "\n" +
			"ten crates"
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
