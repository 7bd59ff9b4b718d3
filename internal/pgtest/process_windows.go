package pgtest

import "os/exec"

func (account) run(*exec.Cmd) {}
