package s3test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/holdall-go/holdall/internal/freeport"
	"github.com/holdall-go/holdall/internal/toolbuild"
)

// Cluster is a distributed MinIO on this machine: a drive a node, half of
// which is parity.
type Cluster struct {
	Nodes []*Server
}

// StartCluster starts a cluster of n nodes, at least four, that ends with the
// test. It skips and fails as Start does.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	MinIO.wanted(t)
	bin, err := toolbuild.Binary("s3", MinIO.tool)
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("", "holdall-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{}
	t.Cleanup(func() {
		for _, s := range c.Nodes {
			s.stop()
		}
		_ = os.RemoveAll(base)
	})
	var drives []string
	for i := range n {
		addr, err := freeport.Addr()
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{Kind: MinIO, Addr: addr, Key: "holdall-test", Secret: "holdall-secret", process: process{dir: filepath.Join(base, fmt.Sprint(i))}}
		s.env = append(minioEnv(s), "MINIO_CI_CD=1", "_MINIO_SERVER_LOCAL="+addr)
		c.Nodes = append(c.Nodes, s)
		drives = append(drives, "http://"+addr+s.dir)
	}
	for _, s := range c.Nodes {
		s.args = append([]string{bin, "server", "--address", s.Addr}, drives...)
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Ready(); err != nil {
		t.Fatalf("the cluster: %v\n%s", err, c.Nodes[0].out.String())
	}
	return c
}

// Ready waits until every node says that it sees the drives of all others: that
// the cluster would take writes without it. A node that answers already may
// still be without some of them, and then misses objects that are there.
func (c *Cluster) Ready() error {
	errs := make([]error, len(c.Nodes))
	var wg sync.WaitGroup
	for i, s := range c.Nodes {
		wg.Go(func() {
			if errs[i] = s.ready("http://" + s.Addr + "/minio/health/cluster?maintenance=true"); errs[i] == nil {
				errs[i] = s.answers()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Restart starts a node again that was killed, with its data.
func (c *Cluster) Restart(i int) error { return c.Nodes[i].run() }

// URL is that of [Server.URL], over all nodes, the first of which is given.
func (c *Cluster) URL(first int, bucket, more string) string {
	var addrs []string
	for i := range c.Nodes {
		addrs = append(addrs, c.Nodes[(first+i)%len(c.Nodes)].Addr)
	}
	n := c.Nodes[0]
	all := &Server{Addr: strings.Join(addrs, ","), Key: n.Key, Secret: n.Secret}
	return all.URL(bucket, more)
}
