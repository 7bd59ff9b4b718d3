package jwtauth

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/holdall-go/holdall"
)

// readObject reads one JSON object by the exact names of its members. Numbers
// are [json.Number]. encoding/json alone would let pass what two readers could
// take for different things; see [holdall.CheckJSON]. The error quotes nothing
// of data but, at most, the name of a member that is there twice.
func readObject(data []byte) (map[string]any, error) {
	if err := holdall.CheckJSON(data, holdall.MaxDepth); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil || object == nil {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}
