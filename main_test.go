package holdall_test

import (
	"os"
	"testing"

	"github.com/holdall-go/holdall/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m)) }
