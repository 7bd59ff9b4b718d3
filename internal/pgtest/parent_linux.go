package pgtest

import "syscall"

// dieWithParent has the server stop when the test process is killed.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
