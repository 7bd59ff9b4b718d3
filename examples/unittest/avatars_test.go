package unittest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/backends/memory"
)

const png = "\x89PNG\r\n\x1a\n and so on"

func newAvatars(t *testing.T) *Avatars {
	backend := memory.New()
	store, err := holdall.New(holdall.Config{Catalog: backend, Blobs: backend})
	if err != nil {
		t.Fatal(err)
	}
	return New(store)
}

func user(name string) holdall.Principal {
	return holdall.Principal{Tenant: "acme", User: name, Permissions: []string{
		"storage:avatars:read", "storage:avatars:write", "storage:avatars:delete",
	}}
}

func TestSetAndOpen(t *testing.T) {
	a, ctx := newAvatars(t), t.Context()
	for range 2 { // the second replaces the first
		if err := a.Set(ctx, user("ann"), strings.NewReader(png)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := a.Open(ctx, user("ann"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != png || r.Info().ContentType != "image/png" {
		t.Errorf("got %q of type %s, %v", got, r.Info().ContentType, err)
	}
}

func TestOthersSeeNothing(t *testing.T) {
	a, ctx := newAvatars(t), t.Context()
	if err := a.Set(ctx, user("ann"), strings.NewReader(png)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Open(ctx, user("bob")); !errors.Is(err, holdall.ErrNotFound) {
		t.Errorf("bob got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	a, ctx := newAvatars(t), t.Context()
	err := a.Set(ctx, user("ann"), strings.NewReader("<html>"))
	if !errors.Is(err, holdall.ErrTypeNotAllowed) {
		t.Errorf("a page: %v", err)
	}
	err = a.Set(ctx, user("ann"), io.MultiReader(strings.NewReader(png), iotest.ErrReader(errors.New("line cut"))))
	if err == nil {
		t.Error("half a picture was stored")
	}
	if _, err := a.Open(ctx, user("ann")); !errors.Is(err, holdall.ErrNotFound) {
		t.Errorf("something is there: %v", err)
	}
}
