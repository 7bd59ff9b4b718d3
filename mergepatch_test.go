package holdall

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func TestMergePatch(t *testing.T) {
	cases := []struct{ target, patch, want string }{
		// RFC 7396, appendix A.
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Ours: text, order and digits stay.
		{`{"z":1.10,"y":9007199254740993,"x":1E5}`, `{"y":1.0,"w":{"v":null,"u":1e-5},"z":null}`, `{"y":1.0,"x":1E5,"w":{"u":1e-5}}`},
		{`{"a\u002eb":1,"$c":{"d":1}}`, `{"a.b":2,"\u0024c":{"d":3}}`, `{"a\u002eb":2,"$c":{"d":3}}`},
		{` { "a" : [ 1 , 2 ] , "b" : 1 } `, ` { "b" : [ 2 , null ] } `, `{"a":[ 1 , 2 ],"b":[ 2 , null ]}`},
		{`{"a":1}`, ` 5 `, `5`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{"":1}`, `{"":null}`, `{}`},
	}
	for _, c := range cases {
		got, err := mergePatch([]byte(c.target), []byte(c.patch))
		if err != nil || string(got) != c.want {
			t.Errorf("mergePatch(%s, %s) = %s, %v, want %s", c.target, c.patch, got, err, c.want)
		}
	}
	if _, err := mergePatch([]byte(`{}`), []byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a patch with a duplicate member is accepted")
	}
}

// referenceMerge is the pseudocode of RFC 7396, section 2, on maps.
func referenceMerge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	result, ok := target.(map[string]any)
	if !ok {
		result = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(result, name)
		} else {
			result[name] = referenceMerge(result[name], value)
		}
	}
	return result
}

// decodeNumbers decodes JSON and keeps the digits of its numbers.
func decodeNumbers(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return v
}

func FuzzMergePatch(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"c","d":1.10},"e":[1]}`), []byte(`{"a":{"b":null,"x":{"y":null}},"e":{"f":1}}`))
	f.Add([]byte(`{"a":1,"b":2}`), []byte(`{"\u0061":null,"c":[null]}`))
	f.Add([]byte(`[1,2]`), []byte(`{"a":"b","c":null}`))
	f.Fuzz(func(t *testing.T, target, patch []byte) {
		if CheckJSON(target, MaxDepth) != nil {
			return
		}
		got, err := mergePatch(target, patch)
		if (err == nil) != (CheckJSON(patch, MaxDepth) == nil) {
			t.Fatalf("mergePatch(%q, %q): %v", target, patch, err)
		}
		if err != nil {
			return
		}
		if err := CheckJSON(got, MaxDepth); err != nil {
			t.Fatalf("mergePatch(%q, %q) = %q: %v", target, patch, got, err)
		}
		if want := referenceMerge(decodeNumbers(t, target), decodeNumbers(t, patch)); !reflect.DeepEqual(decodeNumbers(t, got), want) {
			t.Fatalf("mergePatch(%q, %q) = %q, want %v", target, patch, got, want)
		}
	})
}
