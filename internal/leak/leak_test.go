package leak

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLeaksAreSeen(t *testing.T) {
	const many = 50 // enough that what another test still ends cannot hide them
	before, err := use()
	require.NoError(t, err)
	stop := make(chan struct{})
	for range many {
		go func() { <-stop }()
	}
	require.ErrorContains(t, before.restored(0), "goroutines")
	close(stop)
	require.NoError(t, before.restored(time.Minute))
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return // nothing here counts open files
	}
	files := make([]*os.File, many)
	for i := range files {
		files[i], err = os.Open(os.DevNull)
		require.NoError(t, err)
	}
	require.ErrorContains(t, before.restored(0), "open files")
	for _, file := range files {
		require.NoError(t, file.Close())
	}
	require.NoError(t, before.restored(time.Minute))
}
