package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	fetchTimeout = 10 * time.Second
	maxKeySet    = 1 << 20 // bytes
)

// NewJWKS returns a Verifier for tokens signed with a key of the JWK Set (RFC
// 7517) at address, an http or https URL; https unless the network up to there is
// trusted. It fetches nothing yet: the first token does.
//
// A token that names its key by "kid" is verified with the keys of that id
// only, one that names none with all of the set. A "kid" that is not in the
// set makes the set be fetched again, at most once per Options.MinRefresh; all
// tokens that wait share one fetch. While fetches fail, the last good set
// serves until it is Options.MaxStale old; from then on, as before the first
// fetch that succeeds, every token is refused.
//
// It fails when address is not such a URL, or an option makes no sense.
func NewJWKS(address string, opts *Options) (*Verifier, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: the address of the key set: %w", err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("jwtauth: the address of the key set is not an absolute http or https URL")
	}
	if opts == nil {
		opts = &Options{}
	}
	set := &keySet{
		address:    address,
		minRefresh: orDefault(opts.MinRefresh, 30*time.Second),
		maxAge:     orDefault(opts.MaxAge, 15*time.Minute),
		maxStale:   orDefault(opts.MaxStale, time.Hour),
		err:        errors.New("it has not been fetched"),
	}
	if opts.HTTPClient != nil {
		set.client = *opts.HTTPClient
	}
	// A redirect could lead from https to http, or into the host's network.
	set.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return newVerifier(set.find, opts)
}

func orDefault(d, standard time.Duration) time.Duration {
	if d <= 0 {
		return standard
	}
	return d
}

// keySet is a cache of the key set at one address.
type keySet struct {
	address                      string
	client                       http.Client
	minRefresh, maxAge, maxStale time.Duration

	mu      sync.Mutex    // guards what follows
	keys    []setKey      // the last good set; a slice is never changed
	goodAt  time.Time     // when the fetch of keys began
	triedAt time.Time     // when the last fetch began
	err     error         // why there is no set, or none newer
	running chan struct{} // closed at the end of the fetch under way, nil when there is none
}

// find returns the keys of this id, or all when it is "". It waits for a fetch
// only when the set at hand does not answer.
func (s *keySet) find(ctx context.Context, id string) ([]verifyKey, error) {
	keys, running, err := s.look(id)
	if err == nil || running == nil {
		return keys, err
	}
	select {
	case <-running:
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	keys, _, err = s.look(id)
	return keys, err
}

// look answers from the set at hand, and starts a fetch when that one is old
// or does not answer and the last fetch is long enough ago. running is nil
// when no fetch is under way.
func (s *keySet) look(id string) (keys []verifyKey, running <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := time.Since(s.goodAt)
	if s.goodAt.IsZero() || age >= s.maxStale {
		err = unavailable(s.err)
	} else if keys = byID(s.keys, id); len(keys) == 0 {
		err = refuse("the token's key is not in the key set")
	}
	due := s.triedAt.IsZero() || time.Since(s.triedAt) >= s.minRefresh
	if (err != nil || age >= s.maxAge) && due && s.running == nil {
		s.triedAt = time.Now()
		s.running = make(chan struct{})
		go s.fetch(s.triedAt, s.running)
	}
	return keys, s.running, err
}

func byID(set []setKey, id string) []verifyKey {
	var keys []verifyKey
	for _, key := range set {
		if id == "" || key.id == id {
			keys = append(keys, key.verifyKey)
		}
	}
	return keys
}

// fetch replaces the set when that succeeds. It belongs to no request, so that
// a caller who goes away does not take it from the others who wait.
func (s *keySet) fetch(began time.Time, done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	keys, err := s.get(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if err == nil {
		s.keys, s.goodAt, s.err = keys, began, errors.New("it is too old")
	}
	s.running = nil
	close(done)
}

func (s *keySet) get(ctx context.Context) ([]setKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server of the key set answered %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeySet)
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return nil, fmt.Errorf("the key set is not sound: %w", err)
	}
	return keys, nil
}
