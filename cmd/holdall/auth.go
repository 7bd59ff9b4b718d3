package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/httpapi"
	"github.com/holdall-go/holdall/httpapi/jwtauth"
)

// The secrets, which have no flags: other users of a machine see those.
const (
	envJWTSecret     = "HOLDALL_JWT_SECRET"
	envSigningKey    = "HOLDALL_SIGNING_KEY"
	envSigningKeyOld = "HOLDALL_SIGNING_KEY_OLD"
)

const minSecret = 32 // bytes, of HMAC-SHA-256 keys: RFC 7518, section 3.2

// authFlags say how the server knows its callers.
type authFlags struct {
	jwks, issuer string
	audience     list
	rolesFile    string
}

func (f *authFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&f.jwks, "jwks", "", "`URL` of the JSON Web Key Set that tokens are verified with,\ninstead of the secret in "+envJWTSecret)
	fs.StringVar(&f.issuer, "issuer", "", "`name` that the claim iss of every token must have")
	fs.Var(&f.audience, "audience", "`names`, separated by commas, one of which the claim aud of every token must have")
	fs.StringVar(&f.rolesFile, "roles", "", "`file` with a JSON object of roles: {\"editor\": [\"storage:read\", \"storage:write\"]}")
}

// secrets are what the server verifies and signs with.
type secrets struct {
	jwt     []byte // nil with --jwks
	signing []httpapi.SigningKey
}

// readSecrets takes the secrets from the environment. For development those
// that are missing are made up; they end with the process.
func (a *app) readSecrets(development bool) (secrets, error) {
	s := secrets{jwt: []byte(a.env(envJWTSecret))}
	keys := []string{a.env(envSigningKey), a.env(envSigningKeyOld)}
	if development {
		if len(s.jwt) == 0 {
			s.jwt = []byte(rand.Text() + rand.Text())
		}
		if keys[0] == "" {
			keys[0] = rand.Text() + rand.Text()
		}
	}
	for i, k := range keys {
		if k == "" {
			continue
		}
		if len(k) < minSecret {
			return s, usagef("%s has %d bytes; it needs %d or more", []string{envSigningKey, envSigningKeyOld}[i], len(k), minSecret)
		}
		s.signing = append(s.signing, httpapi.SigningKey{ID: keyID(k), Secret: []byte(k)})
	}
	return s, nil
}

// keyID names a signing key by its content, so that a server that gets a new
// key and the old one knows which is which.
func keyID(secret string) string {
	sum := sha256.Sum256([]byte("holdall signing key " + secret))
	return hex.EncodeToString(sum[:4])
}

func (f *authFlags) authenticator(s secrets) (*jwtauth.Verifier, error) {
	opts := &jwtauth.Options{Issuer: f.issuer, Audience: f.audience}
	switch {
	case f.jwks != "":
		v, err := jwtauth.NewJWKS(f.jwks, opts)
		if err != nil {
			return nil, usagef("--jwks: %v", err)
		}
		return v, nil
	case len(s.jwt) == 0:
		return nil, usagef("how are callers known? Set %s to a secret of %d bytes or more, or --jwks to the URL\n"+
			"of a key set. To try things out, use --dev.", envJWTSecret, minSecret)
	case len(s.jwt) < minSecret:
		return nil, usagef("%s has %d bytes; it needs %d or more", envJWTSecret, len(s.jwt), minSecret)
	}
	return jwtauth.New(jwtauth.HS256(s.jwt), opts)
}

func (f *authFlags) roles() (holdall.Roles, error) {
	if f.rolesFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.rolesFile)
	if err != nil {
		return nil, usagef("--roles: %v", err)
	}
	var roles holdall.Roles
	if err := json.Unmarshal(data, &roles); err != nil {
		return nil, usagef("--roles: %s: %v", f.rolesFile, err)
	}
	return roles, nil
}

// mintDev makes the token that serve --dev prints.
func mintDev(secret []byte) (string, error) {
	p := holdall.Principal{Tenant: dev, User: dev, Permissions: []string{"*"}}
	token, err := jwtauth.Mint(secret, p, devTokenLife, time.Now())
	if err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	return token, nil
}
