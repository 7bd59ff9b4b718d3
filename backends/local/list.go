package local

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"slices"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/internal/kv"
)

// ListBlobs implements [holdall.BlobLister]: the blobs of the database, and
// the files of uploads under way or broken.
func (b *Backend) ListBlobs(ctx context.Context, after string, limit int) ([]holdall.BlobInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The files first: one whose row is committed meanwhile is then seen as
	// both, never as neither.
	list, err := b.unfinished(after)
	if err != nil {
		return nil, err
	}
	err = b.engine.View(func(tx kv.Tx) error {
		rows := append(listRows(tx, smallKey, after, limit), listRows(tx, fileKey, after, limit)...)
		list = slices.DeleteFunc(list, func(i holdall.BlobInfo) bool { return tx.Get(rowKey(fileKey, i.Key)) != nil })
		list = append(list, rows...)
		return nil
	})
	slices.SortFunc(list, func(a, b holdall.BlobInfo) int { return cmp.Compare(a.Key, b.Key) })
	list = list[:min(len(list), max(limit, 0))]
	if err == nil {
		err = b.measure(list)
	}
	return list, err
}

// measure puts in what is on the disk, which a row does not know: a file may
// have been cut or removed behind our back. Of one that is gone 0 bytes are there.
func (b *Backend) measure(list []holdall.BlobInfo) error {
	for i, info := range list {
		if info.Size <= maxSmall {
			continue
		}
		file, err := b.files.open(info.Key, os.O_RDONLY)
		if errors.Is(err, holdall.ErrNotFound) {
			list[i].Size = 0
			continue
		}
		if err != nil {
			return unavailable(err)
		}
		stat, err := file.Stat()
		_ = file.Close()
		if err != nil {
			return unavailable(err)
		}
		list[i].Size = stat.Size()
	}
	return nil
}

func listRows(tx kv.Tx, kind byte, after string, limit int) []holdall.BlobInfo {
	var list []holdall.BlobInfo
	c := tx.Cursor()
	from := append(rowKey(kind, after), 0)
	if after == "" {
		from = []byte{kind}
	}
	for k, row := c.Seek(from); bytes.HasPrefix(k, []byte{kind}) && len(list) < limit; k, row = c.Next() {
		info := holdall.BlobInfo{Key: string(k[1:]), Size: int64(len(row) - 8), ModTime: rowTime(row)}
		if kind == fileKey {
			info.Size = rowSize(row)
		}
		list = append(list, info)
	}
	return list
}

// unfinished lists the files in tmp behind the key after.
func (b *Backend) unfinished(after string) ([]holdall.BlobInfo, error) {
	names, err := b.files.list(tmpDir)
	if err != nil {
		return nil, unavailable(err)
	}
	var list []holdall.BlobInfo
	for _, n := range names {
		info, err := n.Info()
		if err != nil || tmpKey(n.Name()) <= after {
			continue // gone, or on an earlier page
		}
		list = append(list, holdall.BlobInfo{Key: tmpKey(n.Name()), Size: info.Size(), ModTime: info.ModTime().UTC()})
	}
	return list, nil
}
