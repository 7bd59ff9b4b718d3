package s3test

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

// binary returns the path of a server's program, which it builds unless that
// has been done before.
func binary(tool string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	module := filepath.Join(root, "internal", "tools", "s3")
	dir, err := toolDir(module)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, path.Base(tool))
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
	fmt.Fprintf(os.Stderr, "building %s, once: this takes minutes\n", tool)
	build := exec.Command("go", "build", "-C", module, "-trimpath", "-ldflags=-s -w", "-o", bin+".new", tool)
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", tool, err, out)
	}
	return bin, os.Rename(bin+".new", bin)
}

// toolDir is where programs of exactly these requirements are kept.
func toolDir(module string) (string, error) {
	sum := sha256.New()
	for _, f := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module, f))
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
	var stderr bytes.Buffer
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/holdall-go/holdall")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("finding the checkout: %w: %s", err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
