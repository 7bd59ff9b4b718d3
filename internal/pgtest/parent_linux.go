package pgtest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the server stop when the test process is killed.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT }
