package jwtauth

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdall-go/holdall"
)

const (
	maxName  = 128 // characters of sub, tenant_id and app_id
	maxGrant = 256 // characters of one permission or role; the token's length bounds their number
)

// checkValidity checks when, by whom and for whom the token was made.
func (v *Verifier) checkValidity(claims map[string]any) error {
	now := v.now()
	exp, ok, err := date(claims, "exp")
	if err != nil {
		return err
	}
	if !ok {
		return refuse("the token has no exp")
	}
	if !now.Before(exp.Add(v.leeway)) {
		return refuse("the token has expired")
	}
	nbf, ok, err := date(claims, "nbf")
	if err != nil {
		return err
	}
	if ok && now.Before(nbf.Add(-v.leeway)) {
		return refuse("the token is not valid yet")
	}
	if _, _, err := date(claims, "iat"); err != nil {
		return err
	}
	return v.checkParties(claims)
}

func (v *Verifier) checkParties(claims map[string]any) error {
	issuer, ok := claims["iss"]
	if _, text := issuer.(string); ok && !text {
		return refuse("the token's iss is not a string")
	}
	if v.issuer != "" && issuer != v.issuer {
		return refuse("the token's iss is not the configured issuer")
	}
	audience, err := audience(claims)
	if err != nil {
		return err
	}
	named := func(name string) bool { return slices.Contains(v.audience, name) }
	if len(v.audience) > 0 && !slices.ContainsFunc(audience, named) {
		return refuse("the token's aud does not name this service")
	}
	return nil
}

// audience reads the claim "aud", where one name may stand without the array
// (RFC 7519, section 4.1.3). It returns nil when the claim is absent.
func audience(claims map[string]any) ([]string, error) {
	value, ok := claims["aud"]
	if !ok {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	names := make([]string, len(list))
	for i, entry := range list {
		if names[i], ok = entry.(string); !ok {
			return nil, refuse("the token's aud is not a string or an array of strings")
		}
	}
	return names, nil
}

// date reads a NumericDate (RFC 7519, section 2): seconds since 1970, with a
// fraction or without. ok is false when the claim is absent.
func date(claims map[string]any, name string) (t time.Time, ok bool, err error) {
	value, ok := claims[name]
	if !ok {
		return time.Time{}, false, nil
	}
	number, _ := value.(json.Number)
	seconds, err := strconv.ParseFloat(number.String(), 64)
	const year10000 = 253402300800
	if err != nil || seconds < 0 || seconds >= year10000 {
		return time.Time{}, false, refuse("the token's %s is not a number of seconds between the years 1970 and 9999", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true, nil
}

// principal reads who calls.
func principal(claims map[string]any) (p holdall.Principal, err error) {
	if p.User, err = name(claims, "sub"); err != nil {
		return holdall.Principal{}, err
	}
	if p.Tenant, err = name(claims, "tenant_id"); err != nil {
		return holdall.Principal{}, err
	}
	if _, ok := claims["app_id"]; ok {
		if p.App, err = name(claims, "app_id"); err != nil {
			return holdall.Principal{}, err
		}
	}
	if p.Permissions, err = grants(claims, "permissions"); err != nil {
		return holdall.Principal{}, err
	}
	if p.Roles, err = grants(claims, "roles"); err != nil {
		return holdall.Principal{}, err
	}
	return p, nil
}

// name reads a claim that identifies somebody.
func name(claims map[string]any, claim string) (string, error) {
	s, ok := claims[claim].(string)
	if !ok {
		return "", refuse("the token's %s is missing or not a string", claim)
	}
	if utf8.RuneCountInString(s) > maxName {
		return "", refuse("the token's %s is longer than %d characters", claim, maxName)
	}
	if strings.TrimSpace(s) == "" {
		return "", refuse("the token's %s is empty or blank", claim)
	}
	if strings.ContainsFunc(s, isControl) {
		return "", refuse("the token's %s holds a control character", claim)
	}
	return s, nil
}

// isControl holds for C0, DEL, C1 and the two separators that end a line.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// grants reads a list of permission keys or role names, nil when it is absent. What
// an entry says is not judged here: a key that does not parse grants nothing.
func grants(claims map[string]any, claim string) ([]string, error) {
	value, ok := claims[claim]
	if !ok {
		return nil, nil
	}
	entries, ok := value.([]any)
	if !ok {
		return nil, refuse("the token's %s is not an array", claim)
	}
	list := make([]string, len(entries))
	for i, entry := range entries {
		if list[i], ok = entry.(string); !ok {
			return nil, refuse("an entry of the token's %s is not a string", claim)
		}
		if utf8.RuneCountInString(list[i]) > maxGrant {
			return nil, refuse("an entry of the token's %s is longer than %d characters", claim, maxGrant)
		}
	}
	return list, nil
}
