package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/holdall-go/holdall"
)

// maxExpiry is the longest life of a signed link.
const maxExpiry = 604800 * time.Second

// The parameters that links carry. All of them are signed.
const (
	paramTenant  = "tenant"
	paramUser    = "user"
	paramApp     = "app"
	paramTier    = "tier"
	paramPath    = "path"
	paramType    = "content_type"
	paramMaxSize = "max_size"
	paramOnce    = "once"
	paramInline  = "inline"
)

// The first string of what a link is for, so that one for a download is never
// taken for one of another kind.
const (
	subjectObject = "object"
	subjectUpload = "upload"
)

func refusedLink(cause error) error {
	return &failure{code: holdall.CodePermissionDenied, detail: "this link has expired or has been altered", cause: cause}
}

// isLink reports whether a request comes by a signed link. Without credentials,
// what is left of one that lost its signature counts as altered.
func isLink(r *http.Request, values url.Values) bool {
	return values.Has(paramSignature) || !callOf(r).known && (values.Has(paramKeyID) || values.Has(paramExpires))
}

// linkRequest reads what both kinds of links are asked for with: for how long,
// and whether they are to lead to the blob store.
func (a *api) linkRequest(b *object) (expiresIn time.Duration, direct bool, err error) {
	seconds := b.int("expires_in", 1, int64(maxExpiry/time.Second))
	asked := b.bool("direct")
	direct = asked != nil && *asked
	switch {
	case b.err != nil:
		return 0, false, b.err
	case seconds == 0:
		return 0, false, badRequest("expires_in is missing; it is 1 to %d seconds", maxExpiry/time.Second)
	case !direct && a.signer == nil:
		return 0, false, &failure{code: holdall.CodeInvalidRequest, status: http.StatusUnprocessableEntity,
			detail: "this server has no key to sign links with; it makes direct ones only"}
	}
	return time.Duration(seconds) * time.Second, direct, nil
}

func (a *api) signDownload(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	inline := b.bool("inline")
	expiresIn, direct, err := a.linkRequest(b)
	if err != nil {
		return err
	}
	if direct {
		return a.signDirectDownload(w, r, inline != nil && *inline, expiresIn)
	}
	o, err := a.objectOf(r).Stat(r.Context())
	if err != nil {
		return err
	}
	params := url.Values{paramTenant: {o.Tenant}}
	if inline != nil && *inline {
		params.Set(paramInline, "1")
	}
	link := a.link(http.MethodGet, []string{subjectObject, o.Bucket, o.ID}, params, expiresIn)
	return writeJSON(w, http.StatusOK, map[string]any{
		"url": a.absolute(r, a.location(r, "storage", "objects", o.Bucket, o.ID)+"?"+link.query), "expires_at": link.expires,
	})
}

type signedLink struct {
	query   string
	expires timestamp
}

func (a *api) link(method string, subject []string, params url.Values, expiresIn time.Duration) signedLink {
	expires := a.now().Add(expiresIn).Truncate(time.Second) // what the link itself says
	return signedLink{a.signer.sign(method, subject, params, expires).Encode(), timestamp(expires)}
}

// verify returns the parameters of the link that the request came by.
func (a *api) verify(method string, subject []string, values url.Values, malformed error) (url.Values, error) {
	if malformed != nil {
		return nil, refusedLink(malformed)
	}
	params, err := a.signer.verify(method, subject, values, a.now())
	if err != nil {
		return nil, refusedLink(err)
	}
	return params, nil
}

// downloadSigned answers a signed link. values is the query, or malformed says
// why it is not one.
func (a *api) downloadSigned(w http.ResponseWriter, r *http.Request, values url.Values, malformed error) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	bucket, id := r.PathValue("bucket"), r.PathValue("id")
	params, err := a.verify(r.Method, []string{subjectObject, bucket, id}, values, malformed)
	if err != nil {
		return err
	}
	file, err := a.store.OpenVerified(r.Context(), params.Get(paramTenant), bucket, id)
	if err != nil {
		return err
	}
	return serveBytes(w, r, file, delivery{inline: params.Has(paramInline)})
}

func (a *api) signUpload(w http.ResponseWriter, r *http.Request) error {
	b, err := readObject(w, r, maxObject)
	if err != nil {
		return err
	}
	path, contentType, tier := b.text("path"), b.text("content_type"), holdall.Tier(b.text("tier"))
	maxSize := b.int("max_size", 1, math.MaxInt64)
	expiresIn, direct, err := a.linkRequest(b)
	if err != nil {
		return err
	}
	if contentType != "" && !isMediaType(contentType) {
		return badRequest("content_type is one type/subtype, not %q", clip(contentType))
	}
	bucket := r.PathValue("bucket")
	target := a.workspace(r).Bucket(bucket).Tier(tier).Object(path)
	if direct {
		return signDirectUpload(w, r, b, target, &holdall.PutOptions{ContentType: contentType, MaxSize: maxSize}, expiresIn)
	}
	if err := target.CheckPut(r.Context(), &holdall.PutOptions{ContentType: contentType}); err != nil {
		return err
	}
	link := a.link(http.MethodPut, []string{subjectUpload, bucket}, a.uploadParams(r, path, contentType, tier, maxSize), expiresIn)
	headers := map[string]string{}
	if contentType != "" {
		headers["Content-Type"] = contentType
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"url": a.absolute(r, a.location(r, "storage", "objects", bucket)+"?"+link.query), "method": http.MethodPut,
		"headers": headers, "expires_at": link.expires,
	})
}

// uploadParams are what an upload link grants, to whom, and its number.
func (a *api) uploadParams(r *http.Request, path, contentType string, tier holdall.Tier, maxSize int64) url.Values {
	p := callOf(r).principal
	params := url.Values{paramTenant: {p.Tenant}, paramUser: {p.User}, paramPath: {path}, paramOnce: {rand.Text()}}
	for name, value := range map[string]string{paramApp: p.App, paramTier: string(tier), paramType: contentType} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if maxSize > 0 {
		params.Set(paramMaxSize, strconv.FormatInt(maxSize, 10))
	}
	return params
}

// redeemUpload takes the one upload that a link allows, as the caller who
// signed it and with nothing but the right to write in that bucket.
func (a *api) redeemUpload(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	values, malformed := url.ParseQuery(r.URL.RawQuery)
	if !isLink(r, values) && !callOf(r).known {
		return errAnonymous
	}
	bucket := r.PathValue("bucket")
	params, err := a.verify(r.Method, []string{subjectUpload, bucket}, values, malformed)
	if err != nil {
		return err
	}
	if err := uncoded(r); err != nil {
		return err
	}
	expires, _ := strconv.ParseInt(values.Get(paramExpires), 10, 64) // verified
	undo, err := a.store.Spend(r.Context(), params.Get(paramTenant), "upload-link:"+params.Get(paramOnce), time.Unix(expires, 0))
	if errors.Is(err, holdall.ErrExists) {
		return &failure{code: holdall.CodePermissionDenied, detail: "this link has been used; it is for one upload"}
	}
	if err != nil {
		return err
	}
	o, err := a.putSigned(r, bucket, params)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
		defer cancel()
		if err := undo(ctx); err != nil {
			a.log.WarnContext(ctx, "an upload link stays used though its upload failed", "request_id", callOf(r).id, "error", err)
		}
		return err
	}
	return a.writeUploaded(w, r, o)
}

func (a *api) putSigned(r *http.Request, bucket string, params url.Values) (holdall.ObjectInfo, error) {
	ws := a.store.As(holdall.Principal{
		Tenant: params.Get(paramTenant), User: params.Get(paramUser), App: params.Get(paramApp),
		Permissions: []string{"storage:" + bucket + ":write"},
	})
	maxSize, _ := strconv.ParseInt(params.Get(paramMaxSize), 10, 64) // verified; "" is none
	opts := holdall.PutOptions{Size: r.ContentLength, MaxSize: maxSize, ContentType: params.Get(paramType)}
	if opts.ContentType == "" {
		opts.ContentType = r.Header.Get("Content-Type")
	}
	return ws.Bucket(bucket).Tier(holdall.Tier(params.Get(paramTier))).Object(params.Get(paramPath)).Put(r.Context(), r.Body, &opts)
}

// isMediaType reports whether s is one type/subtype, with or without
// parameters, and no wildcard (RFC 9110, section 8.3.1).
func isMediaType(s string) bool {
	media, _, err := mime.ParseMediaType(s)
	top, sub, ok := strings.Cut(media, "/")
	return err == nil && ok && top != "" && sub != "" && !strings.Contains(media, "*")
}
