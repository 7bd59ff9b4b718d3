package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/holdall-go/holdall/internal/check"
)

// file is one file of the source tree.
type file struct {
	path    string // with '/', relative to the tree
	name    string // on disk
	content check.Content
}

// readTree lists all regular files under dir and takes their SHA-256.
func readTree(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		files = append(files, file{filepath.ToSlash(rel), name, check.Of(data)})
		return err
	})
	return files, err
}

// folders returns the direct children of every folder of the tree, folders
// with a '/' at their end; the root is "".
func folders(files []file) map[string]map[string]bool {
	tree := map[string]map[string]bool{}
	add := func(dir, child string) {
		if tree[dir] == nil {
			tree[dir] = map[string]bool{}
		}
		tree[dir][child] = true
	}
	for _, f := range files {
		child := f.path
		for dir := path.Dir(child); dir != "."; dir = path.Dir(dir) {
			add(dir+"/", child)
			child = dir + "/"
		}
		add("", child)
	}
	return tree
}
