package spec

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
)

// Encode writes a spec that Load turns into an equal one: every $ is doubled, so that nothing is expanded twice. A $ can be
// in values only, for no name may have one.
func Encode(s *Spec) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // && in a shell line is to be read by people
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("$"), []byte("$$")), nil
}

// Equal tells whether two apps would run alike: an empty list is an absent one, the order of maps is none. It is what apply
// asks before it restarts an app.
func Equal(a, b App) bool { return bytes.Equal(canonical(a), canonical(b)) }

// Digest is a short mark of what an app is, equal for equal apps. It is no proof against those who look for a collision.
func Digest(a App) uint64 {
	h := fnv.New64a()
	h.Write(canonical(a))
	return h.Sum64()
}

func canonical(a App) []byte {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // no type in App has a value that JSON lacks
	}
	return text
}
