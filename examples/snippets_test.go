// Package examples_test holds the project's pages to the code: every Go
// snippet is part of a file that is compiled, and what the pages tell the
// reader to type is typed.
package examples_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are the Markdown files whose snippets are checked.
func pages(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	if len(list) == 0 {
		t.Fatal("no pages found")
	}
	return list
}

// snippet is a fenced block of a page.
type snippet struct {
	at   string // file:line
	lang string
	text string
	run  string // "run" when the line before it is <!-- run -->, "run with minio" likewise
}

// comment returns the text of a line that is a comment, else "".
func comment(line string) string {
	text, open := strings.CutPrefix(line, "<!-- ")
	text, closed := strings.CutSuffix(text, " -->")
	if !open || !closed {
		return ""
	}
	return text
}

var fence = regexp.MustCompile("^\\s*```(\\w*)\\s*$")

func snippets(t *testing.T, page string) []snippet {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var list []snippet
	var open *snippet
	before := ""
	for i, line := range strings.Split(string(data), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m == nil && open != nil:
			open.text += line + "\n"
		case m != nil && open == nil:
			open = &snippet{at: fmt.Sprintf("%s:%d", page, i+1), lang: m[1], run: comment(before)}
		case m != nil:
			list = append(list, *open)
			open = nil
		}
		if s := strings.TrimSpace(line); s != "" {
			before = s
		}
	}
	if open != nil {
		t.Fatalf("%s: the block is not closed", open.at)
	}
	return list
}

// essence is source without indentation, empty lines and comment lines.
func essence(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// compiled returns the essence of every Go file of the project by its path.
// They are all built by its checks, nested modules included. What others make
// and take away meanwhile does not matter.
func compiled(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[path] = "\n" + essence(string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGoSnippetsAreCompiledCode(t *testing.T) {
	files := compiled(t)
	checked := 0
	for _, page := range pages(t) {
		for _, s := range snippets(t, page) {
			if s.lang != "go" {
				continue
			}
			checked++
			if !containedInOne(files, "\n"+essence(s.text)) {
				t.Errorf("%s: no compiled file holds this snippet:\n%s", s.at, s.text)
			}
		}
	}
	if checked == 0 {
		t.Error("no snippet was found")
	}
}

func containedInOne(files map[string]string, part string) bool {
	for _, text := range files {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}
