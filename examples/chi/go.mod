module github.com/holdall-go/holdall/examples/chi

go 1.26

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/holdall-go/holdall v0.0.0
)

replace github.com/holdall-go/holdall => ../..
