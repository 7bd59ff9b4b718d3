package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
)

// goal is what one metric of a benchmark has to reach.
type goal struct {
	benchmark string // without "Benchmark"
	metric    string
	about     string
	atMost    bool
	bound     float64
}

var goals = []goal{
	{"MemoryPut1MiB", "ratio", "memory: Put of 1 MiB, against SHA-256 + copy", false, 0.9},
	{"LocalPut1MiB", "ratio", "local: Put of 1 MiB, against write + SHA-256 + fsync + rename", false, 0.9},
	{"LocalPut64MiB", "ratio", "local: Put of 64 MiB, against the same", false, 0.9},
	{"LocalPutSmall", "ratio", "local: Put of 4 KiB by 16 writers, against one writer", false, 3},
	{"Download", "ratio", "HTTP download of 64 MiB from local, against http.ServeFile", false, 0.9},
	{"UploadMemory", "peak-MiB", "peak resident MiB of a server under 64 uploads of 64 MiB at a time", true, 200},
	{"Page/memory/first", "slowdown", "memory: first page of 50, from 1,000,000 against from 1,000", true, 2},
	{"Page/memory/deep", "slowdown", "memory: page of 50 at nine tenths by cursor, the same", true, 2},
	{"Page/local/first", "slowdown", "local: first page of 50, the same", true, 2},
	{"PostgresPut/4KiB", "ratio", "PostgreSQL: Put of 4 KiB, against two rows in a transaction", false, 0.8},
	{"PostgresPut/1MiB", "ratio", "PostgreSQL: Put of 1 MiB, against one INSERT", false, 1.1},
	{"PostgresPut/64MiB", "ratio", "PostgreSQL: Put of 64 MiB, against one INSERT", false, 1.7},
	{"PostgresCopy", "ratio", "PostgreSQL: PutBlob of 64 MiB, against one COPY", false, 0.8},
	{"PostgresGet", "ratio", "PostgreSQL: download of 64 MiB, against one SELECT", false, 2},
	{"PostgresRecord/put", "ratio", "PostgreSQL: Put of a record, against an upsert by hand", false, 0.8},
	{"PostgresRecord/get", "ratio", "PostgreSQL: Get of a record, against a SELECT by hand", false, 0.8},
	{"PostgresRecord/batch", "ratio", "PostgreSQL: a batch of 1000, against one by one", false, 10},
	{"PostgresPage/first", "slowdown", "PostgreSQL: first page of 50 over three tiers, from 2,000,000 against from 10,000", true, 1.5},
	{"PostgresPage/deep", "slowdown", "PostgreSQL: page of 50 at nine tenths by cursor, the same", true, 1.5},
	{"PostgresPage/folders", "ms", "PostgreSQL: 50 folders of 2,000,000 objects in three tiers, ms", true, 5},
	{"PostgresMemory", "peak-MiB", "PostgreSQL: peak resident MiB of 32 uploads of 64 MiB at once", true, 250},
	{"MinioPut/4KiB", "ratio", "MinIO: PutBlob of 4 KiB, against one presigned PUT", false, 0.95},
	{"MinioPut/1MiB", "ratio", "MinIO: PutBlob of 1 MiB, against the same", false, 0.7},
	{"MinioPut/16MiB", "ratio", "MinIO: PutBlob of 16 MiB, against the same", false, 0.85},
	{"MinioPut/64MiB", "ratio", "MinIO: PutBlob of 64 MiB, against the same", false, 0.85},
	{"MinioGet/4KiB", "ratio", "MinIO: OpenBlob of 4 KiB, against one presigned GET", false, 0.95},
	{"MinioGet/1MiB", "ratio", "MinIO: OpenBlob of 1 MiB, against the same", false, 0.95},
	{"MinioGet/16MiB", "ratio", "MinIO: OpenBlob of 16 MiB, against the same", false, 0.95},
	{"MinioGet/64MiB", "ratio", "MinIO: OpenBlob of 64 MiB, against the same", false, 0.95},
	{"MinioMemory/1x512MiB", "peak-MiB", "MinIO: MiB that one upload of 512 MiB of unknown size takes", true, 20},
	{"MinioMemory/16x64MiB", "peak-MiB", "MinIO: MiB that 16 uploads of 64 MiB at once take", true, 100},
	{"MongoRecord/put", "ratio", "MongoDB: Put of a record, against an update by hand", false, 0.8},
	{"MongoRecord/get", "ratio", "MongoDB: Get of a record, against a find by hand", false, 0.8},
	{"MongoRecord/page", "ratio", "MongoDB: a page of 50 records, against a find by hand", false, 0.8},
	{"Page/local/deep", "slowdown", "local: page of 50 at nine tenths by cursor, the same", true, 2},
}

func main() {
	only := flag.String("only", ".", "`pattern` of the benchmarks to run, as of go test -bench")
	benchtime := flag.String("benchtime", "10s", "`time` or number of rounds for each")
	flag.Parse()
	var out bytes.Buffer
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", *only, "-benchtime", *benchtime, "-timeout", "60m", ".")
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &out), os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !table(metrics(&out), *only == ".") {
		os.Exit(1)
	}
}

// metrics reads the output of go test -bench: value by benchmark and unit.
func metrics(r io.Reader) map[string]float64 {
	found := map[string]float64{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 { // GOMAXPROCS
			name = name[:i]
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				found[name+" "+f[i+1]] = v
			}
		}
	}
	return found
}

// table prints measured beside required and reports whether all is reached.
// all asks that every goal was measured.
func table(found map[string]float64, all bool) bool {
	ok := true
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "\nmeasured\trequired\t\t\n")
	for _, g := range goals {
		v, measured := found[g.benchmark+" "+g.metric]
		if !measured {
			if all {
				fmt.Fprintf(tw, "-\t\tNOT MEASURED\t%s\n", g.about)
				ok = false
			}
			continue
		}
		sign, reached := "≥", v >= g.bound
		if g.atMost {
			sign, reached = "≤", v <= g.bound
		}
		verdict := "ok"
		if !reached {
			verdict, ok = "SHORT", false
		}
		fmt.Fprintf(tw, "%.2f\t%s %v\t%s\t%s\n", v, sign, g.bound, verdict, g.about)
	}
	tw.Flush()
	return ok
}
