package holdall

// Placeholders until the pure functions land.
type Filter struct{}

func (f *Filter) Match([]byte) bool        { return true }
func Fold(s string) string                 { return s }
func prefixRange(p string) (lo, hi string) { return p, "" }
func IsObjectID(s string) bool             { return false }
func validCollection(s string) error       { return nil }
func validBucketName(s string) error       { return nil }
