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
	"path/filepath"
	"runtime"
	"strings"
)

// Binary returns the path of the program that the module in the folder
// internal/tools/name is. It builds it unless that has been done before from
// the same sources, which may take minutes.
func Binary(name string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	module := filepath.Join(root, "internal", "tools", name)
	dir, err := cacheDir(module)
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
	fmt.Fprintf(os.Stderr, "building internal/tools/%s, once: this takes minutes\n", name)
	build := exec.Command("go", "build", "-C", module, "-trimpath", "-ldflags=-s -w", "-o", bin+".new", ".")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", module, err, out)
	}
	return bin, os.Rename(bin+".new", bin)
}

// cacheDir is where a program of exactly these sources is kept.
func cacheDir(module string) (string, error) {
	files, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, f := range append(files, filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")) {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(f), len(data))
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
	var stderr bytes.Buffer
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/holdall-go/holdall")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding the checkout: %w: %s", err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
