package httpapi

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// byteRange is n bytes from offset off; n is at least 1.
type byteRange struct{ off, n int64 }

func (b byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", b.off, b.off+b.n-1, size)
}

// maxRanges is how many ranges of one request are honoured.
const maxRanges = 8

// parseRange reads a Range header (RFC 9110, section 14.2) for size bytes. No
// ranges and ok means that the header is to be ignored: another unit than
// bytes, a malformed set, more than maxRanges of them, or overlapping ones. Not ok
// means that none of them can be satisfied.
func parseRange(header string, size int64) (ranges []byteRange, ok bool) {
	unit, set, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, true
	}
	count := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue
		}
		r, inside, valid := parseRangeSpec(spec, size)
		if count++; !valid || count > maxRanges {
			return nil, true
		}
		if inside {
			ranges = append(ranges, r)
		}
	}
	if count > 0 && len(ranges) == 0 {
		return nil, false
	}
	if overlapping(ranges) {
		return nil, true
	}
	return ranges, true
}

// parseRangeSpec reads first-last, first- or -suffix, cut to size bytes.
func parseRangeSpec(spec string, size int64) (r byteRange, inside, valid bool) {
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return r, false, false
	}
	if first == "" {
		n, ok := parseDigits(last)
		n = min(n, size)
		return byteRange{size - n, n}, n > 0, ok
	}
	from, ok := parseDigits(first)
	if !ok {
		return r, false, false
	}
	to := int64(math.MaxInt64)
	if last != "" {
		if to, ok = parseDigits(last); !ok || to < from {
			return r, false, false
		}
	}
	if from >= size {
		return r, false, true
	}
	return byteRange{from, min(to, size-1) - from + 1}, true, true
}

// parseDigits reads a number; one that is too large is the largest.
func parseDigits(s string) (int64, bool) {
	n := int64(0)
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64/10 - 1
		}
		n = n*10 + int64(c-'0')
	}
	return n, s != ""
}

func overlapping(ranges []byteRange) bool {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b byteRange) int { return int(min(max(a.off-b.off, -1), 1)) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i-1].off+sorted[i-1].n > sorted[i].off {
			return true
		}
	}
	return false
}
