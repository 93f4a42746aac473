package compile

// Schema is the JSON Schema of goinit.yaml, for editors. It knows the keys and the shapes; what a text may be only check knows.
func Schema() ([]byte, error) {
	root := rootKeys()
	return encode(append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "goinit.yaml"},
		{"$defs", object{{"app", appKeys().schema()}}},
	}, root.schema()...))
}
