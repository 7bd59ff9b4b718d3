module github.com/holdall-go/holdall/internal/tools

go 1.26

require github.com/holdall-go/holdall v0.0.0

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace github.com/holdall-go/holdall => ../..
