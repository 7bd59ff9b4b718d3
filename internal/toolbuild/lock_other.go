//go:build !unix

package toolbuild

// lock does nothing here: two processes may build the same program at once.
func lock(string) (unlock func(), err error) { return func() {}, nil }
