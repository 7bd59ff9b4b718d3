//go:build race

package minio

const underRace = true
