package storagetest

import "strings"

// hardNames are valid names that a backend gets wrong when it folds, pads,
// normalises, patterns or quotes them, or sorts them by anything but bytes.
func hardNames() []string {
	long := strings.Repeat("n", 1023)
	return []string{
		"a", "A", "a/b", "a-b", "a0", "a.b", "a b", "a ", "a/b/c", "a/B", "aa", "ab", "a/", "a//b", "b",
		"%", "%25", "a%b", "_", "a_b", "axb", `\`, `a\b`, `a\%`, `\\`, "'", "a'b", "''", `"`, "`", "--", ";", "$a", "a.$b", "*", "a*", "?", "[a]", "^a", "(", "{", "~",
		"é", "e\u0301", "É", "ß", "ss", "ı", "i", "I", "İ", "ﬁ", "fi", "K", "\u212a", "日本", "日本/語", "😀", "😀/x", "\u200d", "\u00a0",
		"\ud7ff", "\ue000", "\ufeffa", "\ufffd", "\uffff", "\U00010000", "\U0010ffff", "\U0010ffff\U0010ffff", "a\U0010ffff", "a\U0010ffff\U0010ffffb",
		"0", "00", "1e3", "true", "null", "{}", "[1]", "NaN", long, long + "o", long + "p",
	}
}

// somePrefixes cut the hard names everywhere that matters.
func somePrefixes() []string {
	return []string{
		"a", "A", "a/", "a%", "a_", `a\`, "%", "_", `\`, "'", "$", ".", "a.", "é", "e", "\U0010ffff", "a\U0010ffff", "\ud7ff", "\uffff",
		"😀", "日", "n", strings.Repeat("n", 1023), strings.Repeat("n", 1024), "a/b", "a//", "zzz", "*", "ß",
	}
}
