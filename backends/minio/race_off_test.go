//go:build !race

package minio

const underRace = false
