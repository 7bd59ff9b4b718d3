package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/holdall-go/holdall"
	"github.com/holdall-go/holdall/console"
)

const consolePath = "/console/"

// withConsole serves the console under its path and the API everywhere else.
// It is no http.ServeMux, which would redirect paths that the API refuses.
func withConsole(api, page http.Handler) http.Handler {
	page = http.StripPrefix(strings.TrimSuffix(consolePath, "/"), page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path+"/" == consolePath:
			http.Redirect(w, r, consolePath, http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, consolePath):
			page.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

// console returns the page. With --dev it signs in whoever sits at this
// machine.
func (s *server) console(roles holdall.Roles, sec secrets) http.Handler {
	opts := console.Options{Roles: roles}
	if s.dev && s.auth.jwks == "" {
		opts.Token = func(r *http.Request) string {
			if !fromThisMachine(r) {
				return ""
			}
			token, _ := mintDev(sec.jwt) // without one, the page asks
			return token
		}
	}
	return console.Handler(opts)
}

// fromThisMachine reports whether a browser on this machine sends the request
// and knows it. The address alone does not say so: a proxy on this machine
// passes on what others send, and a page anywhere can have its own name
// resolve to 127.0.0.1 (DNS rebinding), but then that name is in Host.
func fromThisMachine(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}
