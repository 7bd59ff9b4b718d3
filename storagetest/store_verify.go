package storagetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/holdall-go/holdall"
)

// findings runs Verify and returns what it found about this case's keys.
func (s *storeRun) findings(opts *holdall.VerifyOptions) map[string]holdall.Finding {
	s.Helper()
	ours := map[string]bool{}
	for _, k := range s.faulty.keyList() {
		ours[k] = true
	}
	found := map[string]holdall.Finding{}
	for f, err := range s.over(s.inner).Verify(s.ctx, opts) {
		if err != nil {
			s.Errorf("Verify: %v", err)
		}
		if ours[f.BlobKey] {
			found[f.BlobKey] = f
		}
	}
	return found
}

var verifyCases = []storeCase{
	{"verify/sound", "Verify finds nothing where nothing is wrong: live, replaced and deleted objects, of every size", func(s *storeRun) {
		b := s.bucket("b", nil)
		for i, data := range append(s.smallAndLarge(), nil) {
			s.put(b.Object(fmt.Sprint(i)), data, nil)
			s.put(b.Object(fmt.Sprint(i)), append([]byte("x"), data...), &holdall.PutOptions{Replace: true})
			s.put(b.Object(fmt.Sprint("d", i)), data, nil)
			if _, err := b.Object(fmt.Sprint("d", i)).Delete(s.ctx, nil); err != nil {
				s.Errorf("Delete: %v", err)
			}
		}
		for _, read := range []bool{false, true} {
			if found := s.findings(&holdall.VerifyOptions{Read: read}); len(found) > 0 {
				s.Errorf("reading %t, Verify found %+v", read, found)
			}
		}
	}},
	{"verify/broken", "Verify finds bytes that are missing, others, short, or nobody's, and repairs when it is told to", func(s *storeRun) {
		b := s.bucket("b", nil)
		for _, data := range s.smallAndLarge() {
			damage := map[string]holdall.Problem{}
			for problem, now := range map[holdall.Problem][]byte{
				holdall.ProblemMissing: nil, holdall.ProblemSize: data[:len(data)-1], holdall.ProblemChecksum: append([]byte{data[0] + 1}, data[1:]...),
			} {
				info := s.put(b.Object(string(problem)), data, &holdall.PutOptions{Replace: true})
				damage[info.BlobKey] = problem
				if err := s.inner.Blobs.DeleteBlob(s.ctx, info.BlobKey); err != nil {
					s.Fatalf("DeleteBlob: %v", err)
				}
				if now == nil {
					continue
				}
				if _, err := s.inner.Blobs.PutBlob(s.ctx, info.BlobKey, bytes.NewReader(now), -1); err != nil {
					s.Fatalf("PutBlob: %v", err)
				}
			}
			if _, ok := holdall.As[holdall.BlobLister](s.inner.Blobs); ok {
				orphan := "aa/" + unique() + "." + unique()
				if _, err := s.faulty.Backends().Blobs.PutBlob(s.ctx, orphan, strings.NewReader("nobody's"), -1); err != nil {
					s.Fatalf("PutBlob: %v", err)
				}
				damage[orphan] = holdall.ProblemOrphan
			}
			for _, repair := range []bool{false, true} {
				found := s.findings(&holdall.VerifyOptions{Read: true, Repair: repair})
				for key, problem := range damage {
					if f := found[key]; f.Problem != problem || f.Repaired != repair {
						s.Errorf("Verify, repairing %t, says %q of what is %q, repaired %t", repair, f.Problem, problem, f.Repaired)
					}
				}
			}
			for _, problem := range damage {
				if problem == holdall.ProblemOrphan {
					continue
				}
				_, err := b.Object(string(problem)).Stat(s.ctx)
				s.want("a repaired object", err, holdall.ErrNotFound)
			}
		}
	}},
}
