package minio

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	miniogo "github.com/minio/minio-go/v7"

	"github.com/holdall-go/holdall"
)

var _ holdall.Presigner = (*Backend)(nil)

// PresignGet implements [holdall.Presigner].
func (b *Backend) PresignGet(ctx context.Context, key string, d holdall.PresignedDownload) (string, error) {
	query := url.Values{"response-content-type": {d.Type}}
	if d.Disposition != "" {
		query.Set("response-content-disposition", d.Disposition)
	}
	u, err := b.public.PresignedGetObject(ctx, b.bucket, b.name(key), d.Lifetime, query)
	if err != nil {
		return "", classify(err)
	}
	return u.String(), nil
}

// PresignPut implements [holdall.Presigner]. The signature of a PUT covers the
// media type, the length, the SHA-256 and that the key is free, so that it
// works once and for these bytes only. That of a form covers the media type
// and the largest length.
func (b *Backend) PresignPut(ctx context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	if u.Checksum == "" {
		return b.presignForm(ctx, key, u)
	}
	sum, err := hex.DecodeString(u.Checksum)
	if err != nil {
		return holdall.PresignedRequest{}, fmt.Errorf("%w: checksum %q", holdall.ErrInvalid, u.Checksum)
	}
	header := http.Header{}
	header.Set("Content-Type", u.Type)
	header.Set("If-None-Match", "*")
	header.Set(miniogo.ChecksumSHA256.Key(), base64.StdEncoding.EncodeToString(sum))
	req := holdall.PresignedRequest{Method: http.MethodPut, Header: map[string]string{}}
	for name := range header {
		req.Header[name] = header.Get(name)
	}
	// Every client sends it by itself, and a browser lets nobody else set it.
	header.Set("Content-Length", strconv.FormatInt(u.Size, 10))
	signed, err := b.public.PresignHeader(ctx, http.MethodPut, b.bucket, b.name(key), u.Lifetime, nil, header)
	if err != nil {
		return holdall.PresignedRequest{}, classify(err)
	}
	req.URL = signed.String()
	return req, nil
}

func (b *Backend) presignForm(ctx context.Context, key string, u holdall.PresignedUpload) (holdall.PresignedRequest, error) {
	policy := miniogo.NewPostPolicy()
	for _, err := range []error{
		policy.SetBucket(b.bucket), policy.SetKey(b.name(key)), policy.SetContentType(u.Type),
		policy.SetContentLengthRange(0, u.Size), policy.SetExpires(time.Now().UTC().Add(u.Lifetime)),
	} {
		if err != nil {
			return holdall.PresignedRequest{}, classify(err)
		}
	}
	to, fields, err := b.public.PresignedPostPolicy(ctx, policy)
	if err != nil {
		return holdall.PresignedRequest{}, classify(err)
	}
	return holdall.PresignedRequest{Method: http.MethodPost, URL: to.String(), Fields: fields}, nil
}

// StatBlob implements [holdall.Presigner].
func (b *Backend) StatBlob(ctx context.Context, key string) (size int64, checksum string, err error) {
	err = b.do(ctx, func(ctx context.Context) error {
		info, err := b.core.StatObject(ctx, b.bucket, b.name(key), miniogo.StatObjectOptions{Checksum: true})
		if err != nil {
			return err
		}
		size = info.Size
		if sum, err := base64.StdEncoding.DecodeString(info.ChecksumSHA256); err == nil { // not one of parts, "…-2"
			checksum = hex.EncodeToString(sum)
		}
		return nil
	})
	return size, checksum, err
}
