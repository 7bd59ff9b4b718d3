package local

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func record(id, name string) holdall.Entry {
	return holdall.Entry{ID: id, Kind: holdall.KindRecord, Tenant: "t", Container: "c", Tier: holdall.Shared, Name: name, State: holdall.StateLive}
}

func sealer(e holdall.Entry) func() (holdall.Entry, holdall.Condition, error) {
	return func() (holdall.Entry, holdall.Condition, error) { return e, holdall.IfAbsent, nil }
}

func read(t *testing.T, b holdall.Blobs, key string) string {
	t.Helper()
	rc, err := b.OpenBlob(bg, key, 0, -1)
	require.NoError(t, err)
	defer rc.Close()
	data, err := io.ReadAll(rc)
	require.NoError(t, err)
	return string(data)
}

func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	}))
	return names
}

var (
	small = strings.Repeat("s", 1000)
	large = strings.Repeat("l", maxSmall+1)
)

func TestAnotherProcessIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := startChild(t, "hold", dir)
	require.Equal(t, "open", <-lines)
	_, err := Open(dir, &Options{LockTimeout: time.Millisecond})
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.ErrorContains(t, err, "another process has it open")
	kill(cmd)
	b, err := Open(dir, nil)
	require.NoError(t, err)
	_, err = Open(dir, &Options{LockTimeout: time.Millisecond})
	require.ErrorContains(t, err, "another process has it open", "nor twice in one process")
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	_, err = b.Put(bg, record("rec_1", "a"), holdall.IfAbsent)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.ErrorIs(t, b.Ping(bg), holdall.ErrUnavailable)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(file, nil)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, databaseFile), bytes.Repeat([]byte("x"), 1<<16), 0o600))
	_, err = Open(dir, nil)
	require.ErrorIs(t, err, holdall.ErrUnavailable)
}

func TestSmallBlobsAreRowsAndLargeOnesFiles(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	exact := strings.Repeat("e", maxSmall)
	for key, data := range map[string]string{"aa/small": small, "aa/exact": exact, "aa/large": large} {
		for suffix, size := range map[string]int64{".known": int64(len(data)), ".unknown": -1} {
			n, err := b.PutBlob(bg, key+suffix, strings.NewReader(data), size)
			require.NoError(t, err)
			require.EqualValues(t, len(data), n)
			require.Equal(t, data, read(t, b, key+suffix))
		}
	}
	require.ElementsMatch(t, []string{"aa/large.known", "aa/large.unknown"}, filesIn(t, filepath.Join(dir, blobDir)))
	require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
	require.NoError(t, b.Close())
	b, err = Open(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, large, read(t, b, "aa/large.known"))
	require.Equal(t, exact, read(t, b, "aa/exact.known"))
	for _, key := range []string{"aa/large.known", "aa/small.known"} {
		require.NoError(t, b.DeleteBlob(bg, key))
		_, err := b.OpenBlob(bg, key, 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
	}
	require.Equal(t, []string{"aa/large.unknown"}, filesIn(t, filepath.Join(dir, blobDir)))
}

func TestKeysCannotLeaveTheFolder(t *testing.T) {
	b := openTemp(t)
	for _, key := range []string{"", "a", "a/", "/a", "a/b/c", "../a", "a/..", "./a", "a/.", "a/b_c", "a\\b/c", "a/\x00", "é/a", "C:/a"} {
		_, err := b.PutBlob(bg, key, strings.NewReader(large), -1)
		require.ErrorIs(t, err, holdall.ErrInvalid, "%q", key)
		_, err = b.OpenBlob(bg, key, 0, -1)
		require.ErrorIs(t, err, holdall.ErrInvalid, "%q", key)
	}
}

func TestFailedUploadsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	own := errors.New("own")
	for _, data := range []string{small, large} {
		broken := func() io.Reader {
			return io.MultiReader(strings.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF))
		}
		for _, size := range []int64{-1, int64(len(data)), int64(len(data)) + 1} {
			_, err := b.PutWithBlob(bg, "aa/k", broken(), size, sealer(record("rec_1", "a")))
			require.Error(t, err)
		}
		_, err := b.PutWithBlob(bg, "aa/k", strings.NewReader(data), -1, func() (holdall.Entry, holdall.Condition, error) {
			return holdall.Entry{}, 0, own
		})
		require.Equal(t, own, err)
		e := record("rec_1", "a")
		_, err = b.PutWithBlob(bg, "aa/k", strings.NewReader(data), -1, func() (holdall.Entry, holdall.Condition, error) {
			return e, holdall.IfVersion(4), nil
		})
		require.ErrorIs(t, err, holdall.ErrNotFound)
	}
	require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
	require.Empty(t, filesIn(t, filepath.Join(dir, blobDir)))
	list, err := b.ListBlobs(bg, "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestSealDecidesAnewOnConflict(t *testing.T) {
	b := openTemp(t)
	for i, data := range []string{small, large} {
		e := record("rec_"+data[:1], data[:1])
		calls := 0
		got, err := b.PutWithBlob(bg, "aa/"+data[:1], strings.NewReader(data), -1, func() (holdall.Entry, holdall.Condition, error) {
			calls++
			if calls == 1 {
				_, err := b.Put(bg, e, holdall.IfAbsent) // seal may use the backend
				require.NoError(t, err)
				return e, holdall.IfVersion(9), nil
			}
			return e, holdall.IfVersion(1), nil
		})
		require.NoError(t, err, i)
		require.EqualValues(t, 2, got.Version)
		require.Equal(t, data, read(t, b, "aa/"+data[:1]))
		calls = 0
		_, err = b.PutWithBlob(bg, "ab/"+data[:1], strings.NewReader(data), -1, func() (holdall.Entry, holdall.Condition, error) {
			calls++
			return e, holdall.IfVersion(9), nil
		})
		require.ErrorIs(t, err, holdall.ErrConflict)
		require.Equal(t, maxTries, calls)
	}
}

func TestTransactionsTakeTheirBytesAlong(t *testing.T) {
	for _, data := range []string{small, large} {
		dir := t.TempDir()
		b, err := Open(dir, nil)
		require.NoError(t, err)
		defer b.Close()
		_, err = b.PutBlob(bg, "aa/old", strings.NewReader(data), -1)
		require.NoError(t, err)
		run := func(result error) error {
			return b.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
				_, err := c.(holdall.AtomicPutter).PutWithBlob(ctx, "aa/new", strings.NewReader(data), -1, sealer(record("rec_1", "a")))
				require.NoError(t, err)
				require.Equal(t, data, read(t, c.(holdall.Blobs), "aa/new"))
				require.Equal(t, data, read(t, c.(holdall.Blobs), "aa/old"))
				require.NoError(t, c.(holdall.Blobs).DeleteBlob(ctx, "aa/old"))
				_, err = c.(holdall.Blobs).OpenBlob(ctx, "aa/old", 0, -1)
				require.ErrorIs(t, err, holdall.ErrNotFound)
				_, err = b.OpenBlob(bg, "aa/new", 0, -1)
				require.ErrorIs(t, err, holdall.ErrNotFound, "nobody outside sees it yet")
				_, err = c.Put(ctx, record("rec_1", "b"), holdall.IfAbsent)
				require.ErrorIs(t, err, holdall.ErrExists, "and the transaction goes on")
				return result
			})
		}
		no := errors.New("no")
		require.Equal(t, no, run(no))
		require.Equal(t, data, read(t, b, "aa/old"))
		_, err = b.OpenBlob(bg, "aa/new", 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
		_, err = b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
		require.ErrorIs(t, err, holdall.ErrNotFound)
		require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))

		require.NoError(t, run(nil))
		require.Equal(t, data, read(t, b, "aa/new"))
		_, err = b.OpenBlob(bg, "aa/old", 0, -1)
		require.ErrorIs(t, err, holdall.ErrNotFound)
		require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
		if data == large {
			require.Equal(t, []string{"aa/new"}, filesIn(t, filepath.Join(dir, blobDir)))
		}
		require.Panics(t, func() {
			_ = b.InTx(bg, func(ctx context.Context, c holdall.Catalog) error {
				_, err := c.(holdall.Blobs).PutBlob(ctx, "aa/panic", strings.NewReader(data), -1)
				require.NoError(t, err)
				panic("no")
			})
		})
		require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
	}
}

func TestDeleteDuringAPutLeavesThePutAlone(t *testing.T) {
	b := openTemp(t)
	pr, pw := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := b.PutBlob(bg, "aa/k", pr, int64(len(large)))
		done <- err
	}()
	_, _ = pw.Write([]byte(large[:1000]))
	list, err := b.ListBlobs(bg, "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1, "an upload under way takes space")
	require.Equal(t, "aa/k", list[0].Key)
	require.NoError(t, b.DeleteBlob(bg, "aa/k"))
	_, err = b.PutBlob(bg, "aa/k", strings.NewReader(large), -1)
	require.ErrorIs(t, err, holdall.ErrExists)
	_, _ = pw.Write([]byte(large[1000:]))
	require.NoError(t, pw.Close())
	require.NoError(t, <-done)
	require.Equal(t, large, read(t, b, "aa/k"))
}

func TestAShortFileIsNoCleanEnd(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	_, err = b.PutBlob(bg, "aa/k", strings.NewReader(large), -1)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filepath.Join(dir, blobDir, "aa", "k"), 100))
	rc, err := b.OpenBlob(bg, "aa/k", 0, -1)
	require.NoError(t, err)
	defer rc.Close()
	_, err = io.ReadAll(rc)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	rc2, err := b.OpenBlob(bg, "aa/k", 0, -1)
	require.NoError(t, err)
	defer rc2.Close()
	_, err = rc2.(io.WriterTo).WriteTo(io.Discard)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, os.Remove(filepath.Join(dir, blobDir, "aa", "k")))
	_, err = b.OpenBlob(bg, "aa/k", 0, -1)
	require.ErrorIs(t, err, holdall.ErrNotFound)
}

// fromFile is a writer that, like a socket, can take a file without a copy.
type fromFile struct {
	bytes.Buffer
	files int
}

func (w *fromFile) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			w.files++
		}
	}
	return w.Buffer.ReadFrom(r)
}

func TestFilesAreHandedToTheWriter(t *testing.T) {
	b := openTemp(t)
	data := strings.Repeat("0123456789", copyStep/8)
	_, err := b.PutBlob(bg, "aa/k", strings.NewReader(data), -1)
	require.NoError(t, err)
	for _, c := range [][2]int64{{0, -1}, {5, -1}, {3, 100}} {
		rc, err := b.OpenBlob(bg, "aa/k", c[0], c[1])
		require.NoError(t, err)
		var w fromFile
		n, err := io.Copy(&w, rc)
		require.NoError(t, err)
		require.NoError(t, rc.Close())
		end := int64(len(data))
		if c[1] >= 0 {
			end = c[0] + c[1]
		}
		require.Equal(t, end-c[0], n)
		require.Equal(t, data[c[0]:end], w.String())
		require.Positive(t, w.files)
	}
}

func TestFlusherRunsAfterEachCallAndSharesRuns(t *testing.T) {
	var f flusher
	var mu sync.Mutex
	runs := 0
	begun, free := make(chan struct{}), make(chan struct{})
	go func() {
		_ = f.do(func() error { close(begun); <-free; return nil })
	}()
	<-begun
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_ = f.do(func() error { mu.Lock(); runs++; mu.Unlock(); return nil })
		})
	}
	close(free)
	wg.Wait()
	require.Positive(t, runs, "the run that had begun does not count for those who came later")
	require.LessOrEqual(t, runs, 20)
}

func TestAFileOfUnknownFateIsKept(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	for _, fate := range []error{errAborted, errUnknown} {
		in, err := b.receive(bg, "aa/k", strings.NewReader(large), -1)
		require.NoError(t, err)
		require.Equal(t, fate, b.finish(in, fate))
	}
	require.Equal(t, []string{"aa_k"}, filesIn(t, filepath.Join(dir, tmpDir)))
	require.NoError(t, b.DeleteBlob(bg, "aa/k"))
	require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
}

func TestANameThatIsNotDurableFailsTheUpload(t *testing.T) {
	b := openTemp(t)
	in, err := b.receive(bg, "aa/k", strings.NewReader(large), -1)
	require.NoError(t, err)
	tmp := b.files.tmp
	defer func() { b.files.tmp = tmp }()
	b.files.tmp, err = os.Open(os.DevNull) // cannot be synced
	require.NoError(t, err)
	defer b.files.tmp.Close()
	require.ErrorIs(t, b.files.persist(in), holdall.ErrUnavailable)
}

func TestACommitIsUndoneWhenItsFileCannotBeSynced(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	e := record("rec_1", "a")
	e.DueAt = time.Unix(5, 0)
	e.Value = []byte(`{"old":1}`)
	old, err := b.PutWithBlob(bg, "aa/old", strings.NewReader(large), -1, sealer(e))
	require.NoError(t, err)
	tmp := b.files.tmp
	b.files.tmp, err = os.Open(os.DevNull)
	require.NoError(t, err)
	e.Name, e.Value, e.DueAt = "b", []byte(`{}`), time.Time{}
	_, err = b.PutWithBlob(bg, "aa/new", strings.NewReader(large), -1, func() (holdall.Entry, holdall.Condition, error) {
		return e, holdall.IfVersion(1), nil
	})
	require.ErrorIs(t, err, holdall.ErrUnavailable)
	require.NoError(t, b.files.tmp.Close())
	b.files.tmp = tmp
	got, err := b.Get(bg, holdall.Ref{Tenant: "t", ID: "rec_1"})
	require.NoError(t, err)
	require.Equal(t, old, got)
	due, err := b.Scan(bg, holdall.Scan{DueBy: time.Unix(5, 0), Limit: 1})
	require.NoError(t, err)
	require.Equal(t, []holdall.Entry{old}, due)
	n, err := b.Count(bg, holdall.Query{Tenant: "t", Kind: holdall.KindRecord, State: holdall.StateLive})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	list, err := b.ListBlobs(bg, "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Empty(t, filesIn(t, filepath.Join(dir, tmpDir)))
	_, err = b.Put(bg, record("rec_2", "c"), holdall.IfAbsent)
	require.NoError(t, err, "and writing goes on")
}

func TestTheNextCommitConfirmsTheLast(t *testing.T) {
	b := openTemp(t)
	_, err := b.PutBlob(bg, "aa/k", strings.NewReader(large), -1)
	require.NoError(t, err)
	require.NotEmpty(t, value(t, b.engine, string(undoKey)))
	_, err = b.Put(bg, record("rec_1", "a"), holdall.IfAbsent)
	require.NoError(t, err)
	require.Empty(t, value(t, b.engine, string(undoKey)))
}
