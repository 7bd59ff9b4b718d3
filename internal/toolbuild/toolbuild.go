// Package toolbuild builds the servers that tests run against, which are
// modules of their own under internal/tools, and keeps the programs in the
// user's cache folder.
package toolbuild

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Patch changes one file of a package that a program is built from, and
// nothing else: the module's own files stay as they are.
type Patch struct {
	Package, File string
	Old, New      string // Old is in the file exactly once
	Append        string // to the file
}

// Binary returns the path of a program: the package, such as ".", of the module
// in the folder internal/tools/module. It builds it unless that has been done
// before from the same sources, which may take minutes.
func Binary(module, pkg string, patches ...Patch) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	name := path.Base(pkg)
	if pkg == "." {
		name = module
	}
	module = filepath.Join(root, "internal", "tools", module)
	dir, err := cacheDir(module, patches)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, name)
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	unlock, err := lock(bin + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(bin); err == nil { // another process was faster
		return bin, nil
	}
	fmt.Fprintf(os.Stderr, "building %s, once: this takes minutes\n", name)
	if len(patches) > 0 {
		if module, err = patched(module, dir, patches); err != nil {
			return "", err
		}
		defer func() { _ = os.RemoveAll(module) }()
	}
	if _, err := run("go", "build", "-C", module, "-trimpath", "-ldflags=-s -w", "-o", bin+".new", pkg); err != nil {
		return "", err
	}
	return bin, os.Rename(bin+".new", bin)
}

// run runs a program and returns what it printed, without the last line's end.
func run(name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// patched makes a copy of the module with all that it needs in its vendor
// folder, which is the place where foreign files can be changed.
func patched(module, dir string, patches []Patch) (string, error) {
	dir = filepath.Join(dir, "patched")
	if err := os.RemoveAll(dir); err != nil { // of a build that was killed
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(module)); err != nil {
		return "", err
	}
	if _, err := run("go", "-C", dir, "mod", "vendor"); err != nil {
		return "", err
	}
	for _, p := range patches {
		file := filepath.Join(dir, "vendor", filepath.FromSlash(p.Package), p.File)
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if n := bytes.Count(data, []byte(p.Old)); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, once is expected", file, p.Old, n)
		}
		data = append(bytes.Replace(data, []byte(p.Old), []byte(p.New), 1), p.Append...)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// cacheDir is where a program of exactly these sources is kept.
func cacheDir(module string, patches []Patch) (string, error) {
	files, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if len(patches) > 0 {
		fmt.Fprintf(sum, "%q", patches)
	}
	for _, f := range append(files, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")) {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		sum.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "holdall-tools", fmt.Sprintf("%x-%s-%s-%s", sum.Sum(nil)[:8], runtime.Version(), runtime.GOOS, runtime.GOARCH))
	return dir, os.MkdirAll(dir, 0o755)
}

// moduleRoot returns the folder of the checkout.
func moduleRoot() (string, error) {
	return run("go", "list", "-m", "-f", "{{.Dir}}", "github.com/holdall-go/holdall")
}
