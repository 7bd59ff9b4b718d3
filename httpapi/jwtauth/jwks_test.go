package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdall-go/holdall"
)

// idp is a transport that plays the server of a key set. It answers with body,
// or fails when that is empty, after delay.
type idp struct {
	mu      sync.Mutex
	body    string
	delay   time.Duration
	fetches atomic.Int32
}

func (s *idp) publish(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
}

func (s *idp) RoundTrip(r *http.Request) (*http.Response, error) {
	s.fetches.Add(1)
	select {
	case <-time.After(s.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body == "" {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(s.body)), Request: r}, nil
}

func (s *idp) verifier(t testing.TB) *Verifier {
	t.Helper()
	v, err := NewJWKS("https://id.example.com/jwks.json", &Options{HTTPClient: &http.Client{Transport: s}})
	require.NoError(t, err)
	require.Zero(t, s.fetches.Load(), "a constructor fetches nothing")
	return v
}

// edToken is good at the clock's present, for the key of this id.
func edToken(kid string) string {
	return forge(jwt.SigningMethodEdDSA, edKey(), `{"alg":"EdDSA","kid":"`+kid+`"}`, claimsAt(time.Now(), ""))
}

func TestKeySetAlgorithms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(
			`{"kty":"oct","k":"`+b64(string(testSecret))+`","kid":"o","alg":"HS256"}`,
			jwkRSA(`,"kid":"r","use":"sig","alg":"RS256","key_ops":["verify"],"x5c":["?"]`), jwkEC(`,"kid":"e"`), jwkEd(`,"kid":"d","alg":"EdDSA"`),
		)}
		v := server.verifier(t)
		claims := claimsAt(time.Now(), "")
		for _, c := range []struct {
			method jwt.SigningMethod
			key    any
			header string
			ok     bool
		}{
			{jwt.SigningMethodRS256, rsaKey(), `{"alg":"RS256","kid":"r"}`, true},
			{jwt.SigningMethodES256, p256Key(), `{"alg":"ES256","kid":"e"}`, true},
			{jwt.SigningMethodEdDSA, edKey(), `{"alg":"EdDSA","kid":"d"}`, true},
			{jwt.SigningMethodEdDSA, edKey(), `{"alg":"EdDSA"}`, true},
			{jwt.SigningMethodRS256, rsaKey(), `{"alg":"RS256"}`, true},
			{jwt.SigningMethodEdDSA, edKey(), `{"alg":"EdDSA","kid":"e"}`, false},
			{jwt.SigningMethodEdDSA, edKey(), `{"alg":"ES256","kid":"d"}`, false},
			{jwt.SigningMethodHS256, testSecret, `{"alg":"HS256","kid":"o"}`, false},
			{jwt.SigningMethodHS256, testSecret, `{"alg":"HS256"}`, false},
			{jwt.SigningMethodHS256, []byte(publicOf(edKey())), `{"alg":"HS256","kid":"d"}`, false},
		} {
			_, err := v.Verify(t.Context(), forge(c.method, c.key, c.header, claims))
			if c.ok {
				require.NoError(t, err, c.header)
			} else {
				require.ErrorIs(t, err, holdall.ErrUnauthenticated, c.header)
			}
		}
	})
}

func TestSameIDTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		public, private, err := newEd25519()
		require.NoError(t, err)
		other := fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"k","x":"%s"}`, b64(string(public)))
		v := (&idp{body: set(other, jwkEd(`,"kid":"k"`), jwkEC(`,"kid":"k"`))}).verifier(t)
		_, err = v.Verify(t.Context(), edToken("k"))
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), forge(jwt.SigningMethodEdDSA, private, `{"alg":"EdDSA","kid":"k"}`, claimsAt(time.Now(), "")))
		require.NoError(t, err)
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"old"`))}
		v := server.verifier(t)
		verify := func(kid string) error { _, err := v.Verify(t.Context(), edToken(kid)); return err }
		require.NoError(t, verify("old"))

		server.publish(set(jwkEd(`,"kid":"new"`)))
		require.ErrorContains(t, verify("new"), "not in the key set", "the last fetch was just now")
		require.EqualValues(t, 1, server.fetches.Load())
		time.Sleep(30 * time.Second)
		require.NoError(t, verify("new"))
		require.EqualValues(t, 2, server.fetches.Load())
		require.ErrorContains(t, verify("old"), "not in the key set")

		// A key that is withdrawn without another in its place goes when the set ages.
		server.publish(set())
		time.Sleep(15*time.Minute - time.Nanosecond)
		require.NoError(t, verify("new"))
		time.Sleep(time.Nanosecond)
		require.NoError(t, verify("new"), "the fetch is in the background")
		synctest.Wait()
		require.EqualValues(t, 3, server.fetches.Load())
		require.ErrorContains(t, verify("new"), "not in the key set")
	})
}

func TestUnknownKeysDoNotFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`)), delay: time.Second}
		v := server.verifier(t)
		var refused atomic.Int32
		var group sync.WaitGroup
		for i := range 600 { // ten minutes, 5 tokens in each second
			for j := range 5 {
				token := edToken(fmt.Sprint(i, " ", j))
				group.Go(func() {
					if _, err := v.Verify(context.Background(), token); err != nil {
						refused.Add(1)
					}
				})
			}
			time.Sleep(time.Second)
		}
		group.Wait()
		require.EqualValues(t, 600*5, refused.Load())
		require.LessOrEqual(t, server.fetches.Load(), int32(20))
		require.GreaterOrEqual(t, server.fetches.Load(), int32(19))
	})
}

func TestServerDownThenStaleThenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`))}
		v := server.verifier(t)
		verify := func() error { _, err := v.Verify(t.Context(), edToken("k")); return err }
		require.NoError(t, verify())
		server.publish("")
		for range 59 {
			time.Sleep(time.Minute)
			require.NoError(t, verify())
			synctest.Wait()
		}
		require.EqualValues(t, 1+45, server.fetches.Load(), "one a minute from 15 on")
		time.Sleep(time.Minute - time.Nanosecond)
		require.NoError(t, verify())
		time.Sleep(time.Nanosecond)
		err := verify()
		require.ErrorIs(t, err, holdall.ErrUnauthenticated)
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.ErrorContains(t, err, "connection refused")
		require.Equal(t, holdall.CodeUnavailable, holdall.CodeOf(err))

		server.publish(set(jwkEd(`,"kid":"k"`)))
		time.Sleep(30 * time.Second)
		require.NoError(t, verify())
	})
}

func TestSetIsTooOldAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`))}
		v := server.verifier(t)
		_, err := v.Verify(t.Context(), edToken("k"))
		require.NoError(t, err)
		server.publish(set())
		time.Sleep(time.Hour)
		_, err = v.Verify(t.Context(), edToken("k"))
		require.ErrorContains(t, err, "not in the key set", "the withdrawn key is not believed once more")
	})
}

func TestNeverFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{}
		v := server.verifier(t)
		for range 100 {
			_, err := v.Verify(t.Context(), edToken("k"))
			require.ErrorIs(t, err, holdall.ErrUnauthenticated)
			require.ErrorIs(t, err, holdall.ErrUnavailable)
		}
		require.EqualValues(t, 1, server.fetches.Load())
		for _, bad := range []string{"", "a.b.c", hs(claimsAt(time.Now(), ""))} {
			_, err := v.Verify(t.Context(), bad)
			require.ErrorIs(t, err, holdall.ErrUnauthenticated)
		}
	})
}

func TestConcurrentVerificationsShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`)), delay: 5 * time.Second}
		v := server.verifier(t)
		token := edToken("k")
		var good atomic.Int32
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if _, err := v.Verify(t.Context(), token); err == nil {
					good.Add(1)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 100, good.Load())
		require.EqualValues(t, 1, server.fetches.Load())
	})
}

func TestOneFetchAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`)), delay: 5 * time.Second}
		v, err := NewJWKS("https://id.example.com/", &Options{
			HTTPClient: &http.Client{Transport: server}, MinRefresh: time.Millisecond,
		})
		require.NoError(t, err)
		token := edToken("k")
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				_, err := v.Verify(t.Context(), token)
				assert.NoError(t, err)
			})
			time.Sleep(100 * time.Millisecond)
		}
		group.Wait()
		require.EqualValues(t, 1, server.fetches.Load())
	})
}

// The first caller goes away; the fetch that it began serves the second.
func TestSlowServerAndImpatientCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(jwkEd(`,"kid":"k"`)), delay: 5 * time.Second}
		v := server.verifier(t)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := v.Verify(ctx, edToken("k"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, holdall.ErrUnauthenticated)
		require.Equal(t, time.Second, time.Since(began))
		_, err = v.Verify(t.Context(), edToken("k"))
		require.NoError(t, err)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.EqualValues(t, 1, server.fetches.Load())
	})
}

func TestHangingServerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idp{body: set(), delay: 24 * time.Hour}
		v := server.verifier(t)
		began := time.Now()
		_, err := v.Verify(t.Context(), edToken("k"))
		require.ErrorIs(t, err, holdall.ErrUnavailable)
		require.Equal(t, fetchTimeout, time.Since(began))
	})
}

func TestOverHTTP(t *testing.T) {
	good := set(jwkEd(`,"kid":"k"`))
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		ok     bool
	}{
		"good":      {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, good) }, true},
		"empty":     {func(http.ResponseWriter, *http.Request) {}, false},
		"not JSON":  {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, false},
		"two sets":  {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, good+good) }, false},
		"500":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, good) }, false},
		"201":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, good) }, false},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, good+strings.Repeat(" ", maxKeySet)) }, false},
		"just fits": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, good+strings.Repeat(" ", maxKeySet-len(good)))
		}, true},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)+1))
			io.WriteString(w, good)
		}, false},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				io.WriteString(w, good)
				return
			}
			http.Redirect(w, r, "/moved", http.StatusFound)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			v, err := NewJWKS(server.URL+"/jwks.json", &Options{HTTPClient: server.Client()})
			require.NoError(t, err)
			_, err = v.Verify(t.Context(), edToken("k"))
			if c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, holdall.ErrUnauthenticated)
				require.ErrorIs(t, err, holdall.ErrUnavailable)
			}
		})
	}
}

func TestEndlessKeySet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	v, err := NewJWKS(server.URL, nil)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), edToken("k"))
	require.ErrorContains(t, err, "larger than")
}

func TestAddressOfKeySet(t *testing.T) {
	for _, bad := range []string{"", "id.example.com", "/jwks", "file:///etc/jwks", "https://", "https:///x", "ftp://x/y", "://", "http://[::1"} {
		_, err := NewJWKS(bad, nil)
		require.Error(t, err, bad)
	}
	_, err := NewJWKS("https://id.example.com/jwks", &Options{Audience: []string{""}})
	require.Error(t, err)
	_, err = NewJWKS("https://id.example.com/jwks", nil)
	require.NoError(t, err)
}
