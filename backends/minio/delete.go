package minio

import (
	"context"
	"slices"

	miniogo "github.com/minio/minio-go/v7"
)

// DeleteBlob implements [holdall.Blobs]. It aborts what was begun under the
// key first, so that nothing can complete behind its back, and deletes every
// version where the bucket keeps them: a plain delete would only hide the
// bytes.
func (b *Backend) DeleteBlob(ctx context.Context, key string) error {
	return b.do(ctx, func(ctx context.Context) error {
		if err := b.abortAll(ctx, key); err != nil {
			return err
		}
		versioned, err := b.isVersioned(ctx)
		switch {
		case err != nil:
			return err
		case versioned:
			return b.deleteVersions(ctx, key)
		}
		return b.remove(ctx, key, "")
	})
}

func (b *Backend) remove(ctx context.Context, key, version string) error {
	err := b.core.RemoveObject(ctx, b.bucket, b.name(key), miniogo.RemoveObjectOptions{VersionID: version})
	if code := response(err).Code; code == miniogo.NoSuchKey || code == miniogo.NoSuchVersion {
		return nil
	}
	return err
}

func (b *Backend) deleteVersions(ctx context.Context, key string) error {
	name := b.name(key)
	var versions []string
	for o := range b.core.ListObjectsIter(ctx, b.bucket, miniogo.ListObjectsOptions{Prefix: name, WithVersions: true, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if o.Key == name {
			versions = append(versions, o.VersionID)
		}
	}
	for _, v := range versions {
		if err := b.remove(ctx, key, v); err != nil {
			return err
		}
	}
	return nil
}

// isVersioned reports whether the bucket keeps, or once kept, versions. It
// asks once: who turns versioning on later starts the program anew.
func (b *Backend) isVersioned(ctx context.Context) (bool, error) {
	b.versions.Lock()
	known := b.versioned
	b.versions.Unlock()
	if known != nil {
		return *known, nil
	}
	conf, err := b.core.GetBucketVersioning(ctx, b.bucket)
	// A store that has no versions may not know the question either.
	if code := response(err).Code; err != nil && !slices.Contains([]string{miniogo.NotImplemented, miniogo.MethodNotAllowed, "VersioningNotConfigured"}, code) {
		return false, err
	}
	on := err == nil && (conf.Enabled() || conf.Suspended())
	b.versions.Lock()
	b.versioned = &on
	b.versions.Unlock()
	return on, nil
}

// abortAll aborts the uploads in parts of exactly this key. MinIO lists them
// for a whole key only.
func (b *Backend) abortAll(ctx context.Context, key string) error {
	name := b.name(key)
	keyMarker, idMarker := "", ""
	for {
		list, err := b.core.ListMultipartUploads(ctx, b.bucket, name, keyMarker, idMarker, "", 1000)
		switch {
		case response(err).Code == miniogo.NotImplemented:
			return nil
		case err != nil:
			return err
		}
		for _, u := range list.Uploads {
			if u.Key != name {
				continue
			}
			err := b.core.AbortMultipartUpload(ctx, b.bucket, name, u.UploadID)
			if err != nil && response(err).Code != miniogo.NoSuchUpload {
				return err
			}
		}
		if !list.IsTruncated || list.NextKeyMarker == keyMarker && list.NextUploadIDMarker == idMarker {
			return nil
		}
		keyMarker, idMarker = list.NextKeyMarker, list.NextUploadIDMarker
	}
}
