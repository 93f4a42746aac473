package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Resources are the limits of each worker, and of all workers of the app together.
type Resources struct {
	Limits
	Total    *Limits  `json:"total,omitempty"`
	Optional Optional `json:"required,omitzero"` // a limit that cannot be set is a warning
}

// Optional is required: false. Its zero value is the default, and its JSON says whether it is required.
type Optional bool

// MarshalJSON writes the opposite.
func (o Optional) MarshalJSON() ([]byte, error) { return json.Marshal(!bool(o)) }

// UnmarshalJSON reads the opposite.
func (o *Optional) UnmarshalJSON(data []byte) error {
	var required bool
	err := json.Unmarshal(data, &required)
	*o = Optional(!required)
	return err
}

// Limits are what one group of processes may have; what is zero or nil is not limited.
type Limits struct {
	Memory     Size            `json:"memory,omitempty"`
	MemoryHigh Size            `json:"memory_high,omitempty"`
	MemoryLow  Size            `json:"memory_low,omitempty"`
	Swap       *Size           `json:"swap,omitempty"` // beside memory; 0: none may be used
	CPUs       float64         `json:"cpus,omitempty"`
	CPUWeight  int             `json:"cpu_weight,omitempty"` // 1 to 10000; what is not set is 100
	CPUSet     string          `json:"cpuset,omitempty"`
	Pids       int             `json:"pids,omitempty"`
	IO         IO              `json:"io,omitzero"`
	HugeTLB    map[string]Size `json:"hugetlb,omitempty"` // by the size of a page: 2MiB
	// OCI is merged last: what it says wins.
	OCI *specs.LinuxResources `json:"oci,omitempty"`
}

// IO limits block devices.
type IO struct {
	Weight int       `json:"weight,omitempty"` // 1 to 10000
	Limits []IOLimit `json:"limits,omitempty"`
}

// IOLimit is of one device, by the path of its file; a second. 0 is not limited.
type IOLimit struct {
	Device    string `json:"device"`
	ReadBPS   Size   `json:"read_bps,omitempty"`
	WriteBPS  Size   `json:"write_bps,omitempty"`
	ReadIOPS  int    `json:"read_iops,omitempty"`
	WriteIOPS int    `json:"write_iops,omitempty"`
}

// Any reports whether a limit is asked for.
func (r Resources) Any() bool { return r.Limits.Any() || r.Total != nil && r.Total.Any() }

// Any reports whether a limit is asked for.
func (l Limits) Any() bool {
	text, err := json.Marshal(l)
	return err != nil || string(text) != "{}"
}

// MemoryThreshold is a part of resources.memory or a size; the zero value is never reached.
type MemoryThreshold struct {
	Percent int
	Size    Size
}

// Of is the threshold in bytes; 0: none.
func (m MemoryThreshold) Of(limit Size) Size {
	if m.Percent > 0 {
		return limit / 100 * Size(m.Percent)
	}
	return m.Size
}

// ParseMemoryThreshold reads 90%, or a size.
func ParseMemoryThreshold(s string) (MemoryThreshold, error) {
	if digits, ok := strings.CutSuffix(s, "%"); ok {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 100 {
			return MemoryThreshold{}, fmt.Errorf("%q is not from 1%% to 100%%", clip(s))
		}
		return MemoryThreshold{Percent: n}, nil
	}
	size, err := ParseSize(s)
	if err == nil && size == 0 {
		err = fmt.Errorf("%q is always reached", clip(s))
	}
	return MemoryThreshold{Size: size}, err
}

func (m MemoryThreshold) String() string {
	if m.Percent > 0 {
		return strconv.Itoa(m.Percent) + "%"
	}
	return m.Size.String()
}

// MarshalJSON writes the text.
func (m MemoryThreshold) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON reads the text.
func (m *MemoryThreshold) UnmarshalJSON(data []byte) error {
	return fromText(data, m, ParseMemoryThreshold)
}

// Pressure is how long processes wait for memory (Documentation/accounting/psi.rst): Stall in any Window.
type Pressure struct {
	Full          bool // all of them at once; else some of them
	Stall, Window Duration
}

// The kernel's bounds of a window: WINDOW_MIN_US and WINDOW_MAX_US in its kernel/sched/psi.c.
const (
	minPressureWindow = Duration(500e6)
	maxPressureWindow = Duration(10e9)
)

// ParsePressure reads "some 150ms per 1s".
func ParsePressure(s string) (Pressure, error) {
	f := strings.Fields(s)
	if len(f) == 4 && (f[0] == "some" || f[0] == "full") && f[2] == "per" {
		stall, err := ParseDuration(f[1])
		window, err2 := ParseDuration(f[3])
		switch {
		case err != nil || err2 != nil || stall <= 0 || stall > window:
		case window < minPressureWindow || window > maxPressureWindow:
			return Pressure{}, fmt.Errorf("%q: the kernel takes windows from %v to %v", clip(s), minPressureWindow, maxPressureWindow)
		default:
			return Pressure{Full: f[0] == "full", Stall: stall, Window: window}, nil
		}
	}
	return Pressure{}, fmt.Errorf("%q is not a pressure: write some 150ms per 1s", clip(s))
}

func (p Pressure) String() string {
	word := "some "
	if p.Full {
		word = "full "
	}
	return word + p.Stall.String() + " per " + p.Window.String()
}

// MarshalJSON writes the text.
func (p Pressure) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON reads the text.
func (p *Pressure) UnmarshalJSON(data []byte) error { return fromText(data, p, ParsePressure) }

// ParseCPUs reads 0.5, or 2.
func ParseCPUs(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0.01 && n <= 4096) { // 1 ms of 100 ms is the least that the kernel takes
		return 0, fmt.Errorf("%q is not a number of CPUs: write 0.5 or 2", clip(s))
	}
	return n, nil
}

// ParseCPUSet reads a list as cpuset(7) has it: 0-3, or 0,2.
func ParseCPUSet(s string) (string, error) {
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(first, 10, 16)
		b := a
		if isRange && err == nil {
			b, err = strconv.ParseUint(last, 10, 16)
		}
		if err != nil || b < a {
			return "", fmt.Errorf("%q is not a list of CPUs: write 0-3 or 0,2", clip(s))
		}
	}
	return s, nil
}

func positiveSize(s string) (Size, error) {
	size, err := ParseSize(s)
	if err == nil && size == 0 {
		err = fmt.Errorf("%q leaves nothing: leave the key out for no limit", clip(s))
	}
	return size, err
}

func (l *loader) resources(f *fields) Resources {
	o := f.object("resources")
	r := Resources{Limits: l.limits(o), Optional: Optional(!value(o, "required", true, ParseBool))}
	if _, there := o.get("total"); there {
		total := o.object("total")
		limits := l.limits(total)
		r.Total = &limits
		total.end()
	}
	o.end()
	return r
}

func (l *loader) limits(f *fields) Limits {
	limits := Limits{
		Memory: value(f, "memory", 0, positiveSize), MemoryHigh: value(f, "memory_high", 0, positiveSize), MemoryLow: value(f, "memory_low", 0, ParseSize),
		Swap: pointer(f, "swap", ParseSize), CPUs: value(f, "cpus", 0, ParseCPUs), CPUWeight: value(f, "cpu_weight", 0, IntBetween(1, 10000)),
		CPUSet: value(f, "cpuset", "", ParseCPUSet), Pids: value(f, "pids", 0, IntBetween(1, 1<<22)),
	}
	io := f.object("io")
	limits.IO.Weight = value(io, "weight", 0, IntBetween(1, 10000))
	limits.IO.Limits = l.ioLimits(io)
	io.end()
	limits.HugeTLB = table(f, "hugetlb", func(s string) error { _, err := positiveSize(s); return err }, func(path string, v any) Size {
		return parsed(l, path, v, 0, ParseSize)
	})
	limits.OCI = l.oci(f)
	return limits
}

func (l *loader) ioLimits(f *fields) (all []IOLimit) {
	v, ok := f.get("limits")
	if !ok {
		return nil
	}
	elements, ok := v.([]any)
	if !ok {
		l.fail(f.at("limits"), "a list is wanted here: [ … ]")
		return nil
	}
	count := IntBetween(1, 1<<31-1)
	for i, e := range elements {
		o := l.object(f.at("limits")+"."+strconv.Itoa(i), e)
		all = append(all, IOLimit{Device: required(o, "device"), ReadBPS: value(o, "read_bps", 0, positiveSize), WriteBPS: value(o, "write_bps", 0, positiveSize),
			ReadIOPS: value(o, "read_iops", 0, count), WriteIOPS: value(o, "write_iops", 0, count)})
		o.end()
	}
	return all
}

// oci reads a LinuxResources of the OCI runtime specification, with its own names and in its own units.
func (l *loader) oci(f *fields) *specs.LinuxResources {
	v, ok := f.get("oci")
	if !ok {
		return nil
	}
	path := f.at("oci")
	if o, ok := v.(*object); ok && len(o.keys) == 0 {
		return nil
	}
	plain, known := l.plain(path, v)
	if !known {
		return nil
	}
	text, err := json.Marshal(plain)
	if err != nil {
		l.fail(path, "%v", err)
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	r := &specs.LinuxResources{}
	if err := d.Decode(r); err != nil {
		l.fail(path, "is not an OCI LinuxResources: %s", strings.TrimPrefix(err.Error(), "json: "))
		return nil
	}
	return r
}

// plain is a value of a form that is not ours, its texts expanded; known is false where one of them is not known yet.
func (l *loader) plain(path string, v any) (any, bool) {
	switch v := v.(type) {
	case *object:
		all, known := make(map[string]any, len(v.keys)), true
		for _, key := range v.keys {
			one, ok := l.plain(join(path, key), v.values[key])
			all[key], known = one, known && ok
		}
		return all, known
	case []any:
		all, known := make([]any, 0, len(v)), true
		for i, e := range v {
			one, ok := l.plain(path+"."+strconv.Itoa(i), e)
			all, known = append(all, one), known && ok
		}
		return all, known
	case string:
		return l.scalar(path, v)
	}
	return v, true
}
