package holdall

import (
	"bytes"
	"fmt"
)

// mergePatch applies a JSON merge patch (RFC 7396) and returns the result as a
// new slice. What the patch does not touch stays as it is written: digits of
// numbers, names, the order of members; new members follow at the end. The
// target must have passed CheckJSON; the patch is checked here.
func mergePatch(target, patch []byte) ([]byte, error) {
	if err := CheckJSON(patch, MaxDepth); err != nil {
		return nil, fmt.Errorf("merge patch: %w", err)
	}
	return appendMerged(make([]byte, 0, len(target)+len(patch)), target, patch), nil
}

// appendMerged appends MergePatch(target, patch) of RFC 7396, section 2, to dst.
func appendMerged(dst, target, patch []byte) []byte {
	if jsonKind(patch) != '{' {
		return append(dst, bytes.TrimSpace(patch)...)
	}
	changes := make(map[string][]byte)
	for name, value := range Members(patch) {
		changes[name] = value
	}
	dst = append(dst, '{')
	empty := len(dst)
	open := func(name []byte) {
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), name...), '"', ':')
	}
	members := jsonOpen(target, '{')
	for name, old, ok := members.member(); ok; name, old, ok = members.member() {
		key := string(jsonUnescape(name))
		change, changed := changes[key]
		delete(changes, key)
		switch {
		case !changed:
			open(name)
			dst = append(dst, old...)
		case jsonKind(change) != 'n':
			open(name)
			dst = appendMerged(dst, old, change)
		}
	}
	members = jsonOpen(patch, '{')
	for name, change, ok := members.member(); ok; name, change, ok = members.member() {
		_, left := changes[string(jsonUnescape(name))]
		if left && jsonKind(change) != 'n' {
			open(name)
			dst = appendMerged(dst, nil, change)
		}
	}
	return append(dst, '}')
}
