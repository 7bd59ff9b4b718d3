package httpapi

import _ "embed"

// openapiYAML describes every route, in OpenAPI 3.1. The handler serves it as
// it is; a test holds every answer of the handler to it.
//
//go:embed openapi.yaml
var openapiYAML []byte
