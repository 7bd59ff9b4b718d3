package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

const downloadSize = 64 << 20

func BenchmarkDownload(b *testing.B) {
	data := noise(downloadSize)
	store, bucket := newStore(b, newLocal(b))
	_, err := bucket.Object("file").Put(context.Background(), bytes.NewReader(data), &holdall.PutOptions{Size: downloadSize})
	noError(b, err)
	secret := noise(32)
	auth, err := jwtauth.New(jwtauth.HS256(secret), nil)
	noError(b, err)
	token, err := jwtauth.Mint(secret, caller, time.Hour, time.Now())
	noError(b, err)
	handler, err := httpapi.New(store, auth, nil)
	noError(b, err)
	ours := httptest.NewServer(handler)
	defer ours.Close()

	name := filepath.Join(b.TempDir(), "file")
	noError(b, os.WriteFile(name, data, 0o600))
	raw := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }))
	defer raw.Close()

	getOurs := getter(b, ours.URL+"/api/v1/storage/files/default/file", token)
	getRaw := getter(b, raw.URL, "")
	getOurs() // opens the connections
	getRaw()
	var r ratios
	for b.Loop() {
		r.pair(getRaw, getOurs)
	}
	r.report(b, "ratio")
}

func getter(b *testing.B, url, token string) func() time.Duration {
	buf := make([]byte, 256<<10)
	return func() time.Duration {
		return timed(func() {
			req, err := http.NewRequest(http.MethodGet, url, nil)
			noError(b, err)
			if token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			resp, err := http.DefaultClient.Do(req)
			noError(b, err)
			defer resp.Body.Close()
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buf)
			noError(b, err)
			if resp.StatusCode != http.StatusOK || n != downloadSize {
				b.Fatal(fmt.Sprint(resp.Status, " ", n, " bytes"))
			}
		})
	}
}
