// Package holdall keeps files and JSON records for multi-tenant programs.
package holdall
