package control

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// A row's text is encoding/json's, whatever is in it: also in fields that come to be after this was written.
func TestRowsAreJSON(t *testing.T) {
	const rounds = 3000
	r := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		var w Worker
		var s Stats
		fill(r, reflect.ValueOf(&w).Elem())
		fill(r, reflect.ValueOf(&s).Elem())
		var m Metrics
		fill(r, reflect.ValueOf(&m).Elem())
		for _, v := range []writer{&w, &s, &m} {
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.appendTo(nil); string(got) != string(want) {
				t.Fatalf("%s\nwant %s", got, want)
			}
		}
	}
}

// A row costs no allocation, but for what is rare.
func TestRowsAllocateNothing(t *testing.T) {
	one, name, n, x, now := 1, "web/1", uint64(7), 1.25, time.Unix(0, 12345).UTC()
	w := Worker{App: "web", Slot: &one, Worker: &name, PID: &one, State: Running, StartedAt: &now, StateSince: now, CPUSeconds: &x, MemoryBytes: &n, Cgroup: "/apps/web/1.1"}
	s := Stats{App: "web", Slot: &one, Worker: &name, PID: &one, At: now, CPUSeconds: &x, MemoryBytes: &n, IOPressure: &Pressure{SomePercent: 1.5}}
	text := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { text = s.appendTo(w.appendTo(text[:0])) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// fill puts something into every field, or leaves it empty.
func fill(r *rand.Rand, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(r.Int64N(1<<33), []int64{0, 5e8, r.Int64N(1e9)}[r.IntN(3)]).UTC()
		if r.IntN(4) == 0 {
			*p = p.In(time.FixedZone("", 3600*(r.IntN(24)-12)))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Slice:
		for range r.IntN(3) {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			fill(r, v.Index(v.Len()-1))
		}
	case reflect.String:
		v.SetString([]string{"", "web", "a \"b\" <c>&\\", "\x00\t\n\xff", "größer \u2028", "db: ready"}[r.IntN(6)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int:
		v.SetInt([]int64{0, 1, -1, r.Int64()}[r.IntN(4)])
	case reflect.Uint64:
		v.SetUint([]uint64{0, 1, r.Uint64()}[r.IntN(3)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 1, 0.25, 1e-6, 9.9e-7, -1e21, 1e21, 123456.789012, -0.5, r.Float64()}[r.IntN(10)])
	default:
		panic(fmt.Sprintf("a field of kind %v", v.Kind()))
	}
}
