package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/holdall-go/holdall"
)

var storeRaceCases = []storeCase{
	{"race/uploads", "of 80 uploads to 10 paths exactly one for each wins, with its own bytes, and the losers leave none", func(s *storeRun) {
		b := s.bucket("b", nil)
		for round, base := range s.smallAndLarge() {
			won := make([][]int, 10)
			var mu sync.Mutex
			body := func(i int) []byte { return append([]byte(fmt.Sprint("upload ", i, " ")), base...) }
			together(80, func(i int) {
				_, err := b.Object(fmt.Sprint(round, "/", i%10)).Put(s.ctx, bytes.NewReader(body(i)), nil)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won[i%10] = append(won[i%10], i)
				} else if !errors.Is(err, holdall.ErrExists) {
					s.Errorf("upload %d: %v, want success or %v", i, err, holdall.ErrExists)
				}
			})
			for path, winners := range won {
				if len(winners) != 1 {
					s.Errorf("path %d was won by %v", path, winners)
					continue
				}
				s.holds(b.Object(fmt.Sprint(round, "/", path)), body(winners[0]))
			}
		}
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"race/replacements", "replacements of one object race without losing it or mixing its bytes; who reads meanwhile reads one of them whole", func(s *storeRun) {
		b := s.bucket("b", nil)
		for round, base := range s.smallAndLarge() {
			o := b.Object(fmt.Sprint(round))
			body := func(i int) []byte { return append([]byte(fmt.Sprintf("upload %d ", i)), base...) }
			sums := []string{checksum(body(0))}
			s.put(o, body(0), nil)
			for i := 1; i <= 6; i++ {
				sums = append(sums, checksum(body(i)))
			}
			together(12, func(i int) {
				if i < 6 {
					_, err := o.Put(s.ctx, bytes.NewReader(body(i+1)), &holdall.PutOptions{Replace: true})
					s.want("a replacement", err, nil)
					return
				}
				for range 5 {
					r, err := o.Open(s.ctx)
					if err != nil {
						s.Errorf("Open: %v", err)
						return
					}
					got, err := io.ReadAll(r)
					r.Close()
					if err != nil || checksum(got) != r.Info().Checksum || !slices.Contains(sums, checksum(got)) {
						s.Errorf("read %s, %v, of an object that says %s", digest(got), err, r.Info().Checksum)
					}
				}
			})
			if info, err := o.Stat(s.ctx); err != nil || info.Version != 7 {
				s.Errorf("after 6 replacements: version %d, %v", info.Version, err)
			}
		}
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"race/bucket delete", "a bucket's deletion and uploads into it exclude each other, and somebody always succeeds", func(s *storeRun) {
		for round := range scale(20, 4) {
			base := s.smallAndLarge()[round%2]
			name := fmt.Sprint("b", round)
			b := s.bucket(name, nil)
			errs := make([]error, 6)
			together(len(errs), func(i int) {
				if i == 0 {
					errs[0] = b.Delete(s.ctx)
				} else {
					_, errs[i] = b.Object(fmt.Sprint(i)).Put(s.ctx, bytes.NewReader(base), nil)
				}
			})
			came := 0
			for i, err := range errs[1:] {
				if err == nil {
					came++
					s.holds(b.Object(fmt.Sprint(i+1)), base)
				} else {
					s.want("an upload", err, holdall.ErrNotFound)
				}
			}
			if errs[0] != nil {
				s.want("the bucket's deletion", errs[0], holdall.ErrNotEmpty)
			}
			if (errs[0] == nil) == (came > 0) {
				s.Errorf("the bucket's deletion: %v; uploads that succeeded: %d; want one or the other", errs[0], came)
			}
		}
		s.sweep(2 * grace)
		s.tidy()
	}},
	{"race/patches", "merge patches that race are all applied", func(s *storeRun) {
		r := s.as("ann", "").Collection("c").Record("k")
		if _, err := r.Put(s.ctx, map[string]int{}, nil); err != nil {
			s.Fatalf("Put: %v", err)
		}
		const n = 16
		together(n, func(i int) {
			_, err := r.Patch(s.ctx, fmt.Appendf(nil, `{"m%d":%d}`, i, i), nil)
			s.want("Patch", err, nil)
		})
		var got map[string]int
		if info, err := r.Get(s.ctx); err != nil || info.Decode(&got) != nil || len(got) != n || info.Version != n+1 {
			s.Errorf("%d members at version %d, %v; want %d", len(got), info.Version, err, n)
		}
	}},
	{"race/an upload ends within a sweep", "an upload that ends at any moment of a sweep that has given it up is whole or not there", func(s *storeRun) {
		step := scale(1, 3)
		for _, data := range s.smallAndLarge() {
			for _, replace := range []bool{false, true} {
				for k := s.rnd.intn(step); k < 12; k += step {
					s.newTenant()
					if s.endsWithin(k, data, replace); s.Failed() {
						s.Logf("it ended at call %d of the sweep; %d bytes, replacing %t", k, len(data), replace)
						return
					}
				}
			}
		}
	}},
	{"race/sweeps", "sweeps that run beside each other and beside uploads touch nothing that lives", func(s *storeRun) {
		b := s.bucket("b", nil)
		bodies := s.smallAndLarge()
		for i := range 6 {
			s.put(b.Object(fmt.Sprint(i)), bodies[i%2], nil)
			s.put(b.Object(fmt.Sprint(i)), bodies[(i+1)%2], &holdall.PutOptions{Replace: true})
		}
		s.pass(2 * grace)
		together(10, func(i int) {
			if i < 4 {
				_, err := s.store.Sweep(s.ctx)
				s.want("Sweep", err, nil)
				return
			}
			_, err := b.Object(fmt.Sprint(i-4)).Put(s.ctx, bytes.NewReader(bodies[i%2]), &holdall.PutOptions{Replace: true})
			s.want("a replacement", err, nil)
		})
		for i := range 6 {
			s.holds(b.Object(fmt.Sprint(i)), bodies[i%2])
		}
		s.sweep(2 * grace)
		s.tidy()
		for i := range 6 {
			s.holds(b.Object(fmt.Sprint(i)), bodies[i%2])
		}
	}},
}

// endsWithin lets an upload come to its end at call k of a sweep past its
// grace period.
func (s *storeRun) endsWithin(k int, data []byte, replace bool) {
	s.Helper()
	o := s.bucket("b", nil).Object("x")
	old := []byte("old")
	if replace {
		s.put(o, old, nil)
	}
	waiting, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	end := readerFunc(func([]byte) (int, error) {
		close(waiting)
		<-release
		return 0, io.EOF
	})
	go func() {
		_, err := o.Put(s.ctx, io.MultiReader(bytes.NewReader(data), end), &holdall.PutOptions{Replace: replace})
		done <- err
	}()
	<-waiting
	s.pass(2 * grace)
	sweeper := NewFaulty(s.inner)
	var once sync.Once
	var err error
	finish := func() { once.Do(func() { close(release); err = <-done }) }
	sweeper.Plan(func(n int, _ string) Fault {
		if n == k {
			finish()
		}
		return NoFault
	})
	if _, err := s.over(sweeper.Backends()).Sweep(s.ctx); err != nil {
		s.Errorf("Sweep: %v", err)
	}
	finish()
	for range 2 {
		switch {
		case err == nil:
			s.holds(o, data)
		case replace:
			s.holds(o, old)
		default:
			_, stat := o.Stat(s.ctx)
			s.want("Stat", stat, holdall.ErrNotFound)
		}
		s.sweep(2 * grace)
	}
	s.tidy()
}
