package spec

import (
	"encoding/json"
	"testing"
	"time"
)

// What a control socket's client decodes is what PID 1 has.
func TestAppSurvivesJSON(t *testing.T) {
	for _, text := range []string{
		`{"name": "web", "command": ["node"], "workers": "auto", "ulimits": {"nofile": {"soft": 7, "hard": 70}}, "stop": {"timeout": "1m30s"}}`,
		`{"name": "web", "command": ["node"], "workers": 3, "restart": {"delay": "250ms", "max_restarts": 2, "window": "1h"}}`,
	} {
		want, err := LoadApp([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got App
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if !Equal(got, want) || got.Stop.Timeout != want.Stop.Timeout {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	var d Duration
	if err := json.Unmarshal([]byte(`"10"`), &d); err == nil {
		t.Errorf("a duration without a unit is %v", time.Duration(d))
	}
}
