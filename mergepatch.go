package holdall

import "fmt"

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
		return append(dst, patch...)
	}
	changes := make(map[string][]byte)
	for name, value := range Members(patch) {
		changes[name] = value
	}
	dst = append(dst, '{')
	empty := len(dst)
	add := func(name, old, change []byte) {
		if jsonKind(change) == 'n' {
			return
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), name...), '"', ':')
		dst = appendMerged(dst, old, change)
	}
	for members := jsonOpen(target, '{'); ; {
		name, old, ok := members.member()
		if !ok {
			break
		}
		key := string(jsonUnescape(name))
		change, changed := changes[key]
		switch {
		case changed:
			add(name, old, change)
			delete(changes, key)
		default:
			if len(dst) > empty {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), name...), '"', ':')
			dst = append(dst, old...)
		}
	}
	for members := jsonOpen(patch, '{'); ; {
		name, change, ok := members.member()
		if !ok {
			break
		}
		if _, left := changes[string(jsonUnescape(name))]; left {
			add(name, nil, change)
		}
	}
	return append(dst, '}')
}
