package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress draws how far one file is, on a terminal only.
type progress struct {
	w       io.Writer // nil: nobody watches
	name    string
	total   int64 // negative is not known
	done    int64
	started time.Time
	drawn   time.Time
}

const drawEvery = 100 * time.Millisecond

func newProgress(w io.Writer, name string, total int64) *progress {
	p := &progress{name: name, total: total, started: time.Now()}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
			p.w = w
		}
	}
	return p
}

// reader counts what is read through it. Nothing else of r shows.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.w == nil {
		return r
	}
	return io.TeeReader(r, p)
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if now := time.Now(); p.w != nil && now.Sub(p.drawn) >= drawEvery {
		p.drawn = now
		fmt.Fprint(p.w, "\r", p.line(now.Sub(p.started)), "\x1b[K")
	}
	return len(b), nil
}

// end wipes the line.
func (p *progress) end() {
	if p.w != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

const barWidth = 24

func (p *progress) line(took time.Duration) string {
	name := []rune(p.name)
	if len(name) > 30 {
		name = append([]rune("…"), name[len(name)-29:]...)
	}
	rate := formatSize(int64(float64(p.done)/max(took.Seconds(), 0.001))) + "/s"
	if p.total <= 0 {
		return fmt.Sprintf("%-30s %s  %s", string(name), formatSize(p.done), rate)
	}
	part := min(float64(p.done)/float64(p.total), 1)
	full := int(part * barWidth)
	bar := strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	return fmt.Sprintf("%-30s %s %3.0f%%  %s of %s  %s", string(name), bar, part*100, formatSize(p.done), formatSize(p.total), rate)
}
