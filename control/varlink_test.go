package control

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"encoding/json"

	"goinit/spec"
)

// The interface description is for foreign clients what the Go types are for ours: this test reads it by Varlink's
// grammar and holds the two side by side.
func TestDescriptionIsTheTypes(t *testing.T) {
	d := parseVarlink(t, description)
	if d.name != "io.goinit" {
		t.Errorf("interface %q", d.name)
	}
	types := map[string]reflect.Type{}
	for _, v := range []any{Worker{}, Exit{}, Description{}, Run{}, Outcome{}, Change{}, Event{}, LogSize{}, LogLine{}, Limitation{}, Info{}, AppHealth{}, Stats{}, Pressure{}, Limit{}, Cgroups{}, Metrics{}, ExitCount{}, ProbeCount{}, ReloadCount{}, LogCount{}} {
		types[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	for name, typ := range types {
		compare(t, "type "+name, d.types[name], typ)
	}
	for name := range d.types {
		if types[name] == nil && name != "State" {
			t.Errorf("type %s is described but not checked", name)
		}
	}

	order, orderReply, nothing := OrderRequest{}, OrderReply{}, struct{}{}
	methods := map[string][2]any{
		"Ps": {PsRequest{}, PsReply{}}, "Describe": {DescribeRequest{}, DescribeReply{}}, "Info": {nothing, InfoReply{}},
		"Health": {HealthRequest{}, HealthReply{}}, "Config": {ConfigRequest{}, ConfigReply{}}, "Wait": {WaitRequest{}, PsReply{}},
		"Logs": {LogsRequest{}, LogsReply{}}, "Events": {EventsRequest{}, EventsReply{}},
		"LogStore": {LogStoreRequest{}, LogStoreReply{}}, "LogFiles": {LogFilesRequest{}, LogFile{}}, "LogVacuum": {LogVacuumRequest{}, LogVacuumReply{}},
		"Start": {order, orderReply}, "Stop": {order, orderReply}, "Restart": {order, orderReply}, "Signal": {SignalRequest{}, orderReply},
		"Scale": {ScaleRequest{}, orderReply}, "Apply": {ApplyRequest{}, ApplyReply{}}, "Add": {AddRequest{}, orderReply},
		"Rm": {RmRequest{}, orderReply}, "Save": {nothing, SaveReply{}}, "Exec": {ExecRequest{}, ExecReply{}}, "Shutdown": {ShutdownRequest{}, nothing},
		"Pause": {order, orderReply}, "Resume": {order, orderReply}, "Update": {UpdateRequest{}, orderReply}, "Stats": {StatsRequest{}, StatsReply{}},
		"Reload": {order, orderReply}, "Metrics": {nothing, MetricsReply{}},
	}
	for name, m := range methods {
		compare(t, name+"'s parameters", d.in[name], reflect.TypeOf(m[0]))
		compare(t, name+"'s answer", d.out[name], reflect.TypeOf(m[1]))
	}

	var routed []string
	for _, r := range routes() {
		if m, ok := strings.CutPrefix(r.method, "io.goinit."); ok {
			routed = append(routed, m)
		}
	}
	slices.Sort(routed)
	if described := slices.Sorted(maps.Keys(d.in)); !slices.Equal(routed, described) {
		t.Errorf("routes %v\ndescribed %v", routed, described)
	}
	if want := []string{Busy, Failure, NoSuchTarget, NotAllowed, NotAvailable, TimedOut}; !slices.Equal(slices.Sorted(maps.Keys(d.errors)), want) {
		t.Errorf("errors %v, want %v", slices.Sorted(maps.Keys(d.errors)), want)
	}
	for name, fields := range d.errors {
		for f := range fields {
			if !slices.Contains(fieldNames(reflect.TypeFor[Error]()), f) {
				t.Errorf("error %s has a parameter %s that no Error has", name, f)
			}
		}
	}
}

func TestServiceDescription(t *testing.T) {
	d := parseVarlink(t, serviceDescription)
	compare(t, "GetInfo's answer", d.out["GetInfo"], reflect.TypeFor[getInfoReply]())
	compare(t, "GetInterfaceDescription's parameters", d.in["GetInterfaceDescription"], reflect.TypeFor[getInterfaceDescriptionRequest]())
}

func compare(t *testing.T, what string, described map[string]string, typ reflect.Type) {
	t.Helper()
	got := map[string]string{}
	for _, f := range reflect.VisibleFields(typ) {
		tag := f.Tag.Get("json")
		if f.Anonymous || tag == "" || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		got[name] = varlinkType(f.Type)
		if strings.Contains(options, "omitempty") {
			got[name] = "?" + strings.TrimPrefix(got[name], "?")
		}
	}
	if described == nil {
		described = map[string]string{}
	}
	// null is what raw JSON may be besides an object
	if _, ok := got["data"]; ok {
		got["data"] = "?object"
	}
	if !maps.Equal(got, described) {
		t.Errorf("%s:\n in Go     %v\n described %v", what, got, described)
	}
}

func varlinkType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "string"
	case t == reflect.TypeFor[json.RawMessage](), t == reflect.TypeFor[*spec.App](), t == reflect.TypeFor[*spec.Spec]():
		return "object"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "?" + varlinkType(t.Elem())
	case reflect.Slice:
		return "[]" + varlinkType(t.Elem())
	case reflect.Struct:
		return t.Name()
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "int"
	case reflect.Float64:
		return "float"
	case reflect.Bool:
		return "bool"
	case reflect.String:
		if t == reflect.TypeFor[State]() {
			return "State"
		}
		return "string"
	}
	return "no type of Varlink: " + t.String()
}

func fieldNames(t reflect.Type) (names []string) {
	for f := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(f).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

type varlinkInterface struct {
	name                   string
	types, in, out, errors map[string]map[string]string
}

// parseVarlink reads what of Varlink's grammar we use: no nested structs but in types of their own, no maps.
func parseVarlink(t *testing.T, text string) varlinkInterface {
	t.Helper()
	text = regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(text, "")
	tokens := regexp.MustCompile(`[A-Za-z0-9_.]+|->|\[\]|[?:,()]|\S`).FindAllString(text, -1)
	d := varlinkInterface{types: map[string]map[string]string{}, in: map[string]map[string]string{}, out: map[string]map[string]string{}, errors: map[string]map[string]string{}}
	next := func() string {
		if len(tokens) == 0 {
			t.Fatal("the description ends too early")
		}
		tok := tokens[0]
		tokens = tokens[1:]
		return tok
	}
	expect := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Fatalf("%q where %q is wanted", got, want)
		}
	}
	known := regexp.MustCompile(`^(\?)?(\[\])?(bool|int|float|string|object|[A-Z][A-Za-z0-9]*)$`)
	fields := func() map[string]string {
		expect("(")
		m := map[string]string{}
		for tokens[0] != ")" {
			name := next()
			if tokens[0] == ":" {
				next()
				typ := next()
				for typ[len(typ)-1] == '?' || typ[len(typ)-1] == ']' {
					typ += next()
				}
				if !known.MatchString(typ) {
					t.Fatalf("%s: %q is no type", name, typ)
				}
				m[name] = typ
			} else {
				m[name] = "enum"
			}
			if tokens[0] == "," {
				next()
			} else if tokens[0] != ")" {
				t.Fatalf("%q behind %s", tokens[0], name)
			}
		}
		next()
		return m
	}
	expect("interface")
	d.name = next()
	for len(tokens) > 0 {
		kind, name := next(), next()
		switch kind {
		case "type":
			d.types[name] = fields()
		case "method":
			d.in[name] = fields()
			expect("->")
			d.out[name] = fields()
		case "error":
			d.errors[name] = fields()
		default:
			t.Fatalf("%q is no member", kind)
		}
	}
	return d
}
