package s3faults

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/minio"
)

func dbgCheck(t *testing.T, bucket string, s *holdall.Store, bl *minio.Backend) {
	missing, total := []string{}, 0
	for o, err := range workspace(s).Bucket("default").List(t.Context(), nil) {
		require.NoError(t, err)
		total++
		r, err := bl.OpenBlob(t.Context(), o.BlobKey, 0, 1)
		if err != nil {
			missing = append(missing, o.Path+" "+o.BlobKey+" "+err.Error())
			continue
		}
		r.Close()
	}
	t.Logf("%d of %d missing", len(missing), total)
	for i, m := range missing {
		if i%20 == 0 {
			out, _ := exec.Command("sh", "-c", "ls -d /tmp/holdall-cluster-*/*/"+bucket+"/"+strings.Fields(m)[1]+" | sed 's/.*cluster-[0-9]*//'").Output()
			t.Log(m, string(out))
		}
	}
}
