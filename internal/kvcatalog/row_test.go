package kvcatalog

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

func fullEntry() holdall.Entry {
	at := func(s int) time.Time { return epoch.Add(time.Duration(s)*time.Second + 123456*time.Microsecond) }
	return holdall.Entry{
		ID: "obj_1", Kind: holdall.KindObject, Tenant: "t", Container: "b", Tier: holdall.User, Owner: "u\x00\xff",
		Name: "a/é", State: holdall.StateDeleted, Version: 7,
		CreatedAt: at(1), UpdatedAt: at(2), DeletedAt: at(3), CreatedBy: "c", UpdatedBy: "u", DeletedBy: "d",
		TTL: time.Hour, ExpiresAt: at(4), DueAt: at(5), Value: json.RawMessage(`{"a":1}`),
		Content: &holdall.Content{Key: "aa/k", Size: 1 << 40, Checksum: "ff", Type: "text/plain;a=b", Source: "s",
			SourceType: "api", Edition: 3, Garbage: []holdall.Garbage{{Key: "bb/k", Since: at(6), Doomed: true}, {Key: "x", Pending: true}}},
	}
}

func decode(t testing.TB, key, data []byte) (holdall.Entry, error) {
	b, _, err := parseBranch(key)
	if err != nil {
		return holdall.Entry{}, err
	}
	r, err := parseRow(data)
	if err != nil {
		return holdall.Entry{}, err
	}
	return r.entry(&b, b.name(key))
}

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	zero := holdall.Entry{ID: "x", Tenant: "t", Kind: holdall.KindSystem, Tier: "", Name: "n", State: holdall.StateLive}
	old := zero
	old.CreatedAt = time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)
	old.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	for _, e := range []holdall.Entry{fullEntry(), zero, old} {
		e := e
		key, err := entryKeyOf(&e)
		require.NoError(t, err)
		got, err := decode(t, key, encode(&e))
		require.NoError(t, err)
		require.Equal(t, e, got)
	}
}

func FuzzRow(f *testing.F) {
	e := fullEntry()
	key, _ := entryKeyOf(&e)
	f.Add(key, encode(&e))
	e.Content, e.State, e.Value = nil, holdall.StateLive, nil
	key, _ = entryKeyOf(&e)
	f.Add(key, encode(&e))
	f.Add([]byte("e"), []byte{1})
	f.Fuzz(func(t *testing.T, key, data []byte) {
		e, err := decode(t, key, data)
		if err != nil {
			require.ErrorIs(t, err, errCorrupt)
			return
		}
		// What decodes encodes to something that decodes to the same.
		key2, err := entryKeyOf(&e)
		if err != nil {
			return
		}
		again, err := decode(t, key2, encode(&e))
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}
