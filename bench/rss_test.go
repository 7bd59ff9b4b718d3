package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

const (
	uploads    = 64
	uploadSize = 64 << 20
)

// BenchmarkUploadMemory sends 64 uploads of 64 MiB at a time to a server in a
// process of its own, and reads the peak of its resident memory, which Linux
// counts as VmHWM.
func BenchmarkUploadMemory(b *testing.B) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		b.Skip("the peak of resident memory is read from /proc, which only Linux has")
	}
	server, url, token := startServer(b)
	block := noise(1 << 20)
	n := 0
	for b.Loop() {
		var wg sync.WaitGroup
		var started sync.WaitGroup
		started.Add(uploads)
		for range uploads {
			n++
			address := fmt.Sprintf("%s/api/v1/storage/objects/default?path=f%d", url, n)
			wg.Go(func() {
				if err := upload(address, token, &body{block: block, left: uploadSize, started: &started}); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(peak(b, server.Process.Pid), "peak-MiB")
	noError(b, server.Process.Signal(syscall.SIGTERM))
	noError(b, server.Wait())
}

// body is an upload's bytes. After the first block it waits until all uploads
// have come so far, so that they really run at a time.
type body struct {
	block   []byte
	left    int
	off     int
	started *sync.WaitGroup
	once    sync.Once
}

func (r *body) Read(p []byte) (int, error) {
	if r.off >= len(r.block) {
		r.once.Do(r.started.Done)
		r.started.Wait()
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], r.block[r.off%len(r.block):])
	r.off += n
	r.left -= n
	return n, nil
}

func upload(address, token string, body io.Reader) error {
	req, err := http.NewRequest(http.MethodPost, address, body)
	if err != nil {
		return err
	}
	req.ContentLength = uploadSize
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-noise")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// startServer builds and starts a server over a folder.
func startServer(b *testing.B) (cmd *exec.Cmd, url, token string) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "holdall")
	build := exec.Command("go", "build", "-o", binary, "./cmd/holdall")
	build.Dir, build.Stderr = "..", os.Stderr
	noError(b, build.Run())
	secret := strings.Repeat("0123456789abcdef", 2)
	token, err := jwtauth.Mint([]byte(secret), caller, time.Hour, time.Now())
	noError(b, err)
	cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--log", "json", "--catalog", "local:"+filepath.Join(dir, "data"))
	cmd.Env = append(os.Environ(), "HOLDALL_JWT_SECRET="+secret)
	stderr, err := cmd.StderrPipe()
	noError(b, err)
	noError(b, cmd.Start())
	b.Cleanup(func() { _ = cmd.Process.Kill() }) // if it is still there
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var l struct{ Msg, Address string }
		if _ = json.Unmarshal(lines.Bytes(), &l); l.Msg == "serving" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return cmd, "http://" + l.Address, token
		}
	}
	b.Fatal("the server did not start: ", lines.Err())
	return nil, "", ""
}

// peak returns the most MiB that the process ever had in memory.
func peak(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	noError(b, err)
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kib float64
	_, err = fmt.Sscan(string(after), &kib)
	noError(b, err)
	return kib / 1024
}
