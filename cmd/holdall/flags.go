package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parse reads flags and arguments in any order, "--" ending the flags, then
// fills every flag that was not given from its environment variable.
func parse(fs *flag.FlagSet, args []string, env func(string) string) ([]string, error) {
	var rest, tail []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, tail = args[:i], args[i+1:]
	}
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, usageError{err.Error()}
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	return append(rest, tail...), fromEnv(fs, env)
}

func fromEnv(fs *flag.FlagSet, env func(string) string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		v := env(envName(f.Name))
		if given[f.Name] || v == "" || err != nil {
			return
		}
		if f.Name == "url" && given["catalog"] { // the command line names a store of one's own
			return
		}
		if bad := fs.Set(f.Name, v); bad != nil {
			err = usagef("the environment variable %s: %v", envName(f.Name), bad)
		}
	})
	return err
}

// envName is the environment variable that stands for a flag.
func envName(flagName string) string {
	return "HOLDALL_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func commandHelp(w io.Writer, c command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "holdall %s [flags]", c.name)
	if c.args != "" {
		fmt.Fprint(w, " "+c.args)
	}
	fmt.Fprintf(w, ": %s\n\n", c.summary)
	fs.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprint(w, "  --"+f.Name)
		if kind != "" {
			fmt.Fprint(w, " "+kind)
		}
		if f.DefValue != "" && f.DefValue != "false" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "\n        %s [%s]\n", strings.ReplaceAll(text, "\n", "\n        "), envName(f.Name))
	})
}

// size is a flag for a number of bytes: 1048576, 1MiB, 1MB.
type size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (s *size) Set(text string) error {
	number, unit := text, int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is not a size such as 64MiB or 5GB", text)
	}
	*s = size(n * unit)
	return nil
}

func (s *size) String() string { return formatSize(int64(*s)) }

// formatSize writes a number of bytes with one decimal at most.
func formatSize(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	v, unit := float64(n), ""
	for _, u := range sizeUnits[:4] {
		if n >= u.bytes {
			v, unit = float64(n)/float64(u.bytes), u.suffix
		}
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + unit
}

// list is a flag that takes several words, separated by commas, and can be
// given more than once.
type list []string

func (l *list) Set(text string) error {
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			*l = append(*l, word)
		}
	}
	return nil
}

func (l *list) String() string { return strings.Join(*l, ",") }
