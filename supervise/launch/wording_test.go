package launch

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/cgroup"
	"goinit/spec"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "write the golden files")

// Every limit that cannot be set is told by the key and the value of the spec, without cgroups and where a version has
// nothing like it; what oci: says keeps its own words.
func TestRefusalsNameTheSpecsKeys(t *testing.T) {
	swap, limit, swappiness := spec.Size(16<<20), int64(80<<20), uint64(10)
	var said strings.Builder
	for _, l := range []spec.Limits{
		{Memory: 256 << 20},
		{MemoryHigh: 32 << 20},
		{MemoryLow: 8 << 20},
		{Memory: 64 << 20, Swap: &swap},
		{Swap: &swap},
		{CPUs: 0.5},
		{CPUWeight: 200},
		{CPUSet: "0-3"},
		{Pids: 100},
		{IO: spec.IO{Weight: 200}},
		{HugeTLB: map[string]spec.Size{"2MiB": 4 << 20}},
		{Memory: 64 << 20, OCI: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swappiness: &swappiness}, Unified: map[string]string{"memory.zswap.max": "0"}}},
	} {
		refused(t, &said, &spec.App{Name: "web", Resources: spec.Resources{Limits: l}})
	}
	refused(t, &said, &spec.App{Name: "web", Resources: spec.Resources{Total: &spec.Limits{MemoryHigh: 1 << 30, CPUWeight: 50}}})
	golden(t, "refused.golden", said.String())
}

// A disk is told by the path that was written, whatever its number.
func TestRefusalsNameTheDisk(t *testing.T) {
	path := someDisk(t)
	var said strings.Builder
	refused(t, &said, &spec.App{Name: "web", Resources: spec.Resources{Limits: spec.Limits{IO: spec.IO{Limits: []spec.IOLimit{
		{Device: path, ReadBPS: 1 << 20, WriteBPS: 2 << 20, ReadIOPS: 3, WriteIOPS: 4}}}}}})
	for _, wrong := range []string{"/dev/no-such-disk", "/dev/null"} {
		_, _, err := bothSettings(&spec.App{Name: "web", Resources: spec.Resources{Limits: spec.Limits{IO: spec.IO{Limits: []spec.IOLimit{{Device: wrong, ReadIOPS: 1}}}}}})
		fmt.Fprintln(&said, err)
	}
	golden(t, "disk.golden", strings.ReplaceAll(said.String(), path, "/dev/vda"))
}

// refused writes what is said of each limit of an app where it cannot be set, and why a version cannot have it.
func refused(t *testing.T, said *strings.Builder, a *spec.App) {
	t.Helper()
	each, total, err := bothSettings(a)
	if err != nil {
		t.Fatal(err)
	}
	s := &Starter{NoCgroups: errors.New("no cgroups here")}
	for _, setting := range append(each, total...) {
		fmt.Fprintf(said, "%s\n", setting.Key)
		fmt.Fprintln(said, s.withoutCgroups(a, []cgroup.Setting{setting}, nil))
		if why := setting.No1 + setting.No2; why != "" {
			fmt.Fprintln(said, s.cannot(a, "limit "+a.Name+" to "+setting.What, &cgroup.Unavailable{Reason: why, Remedy: "leave out " + setting.Key}))
		}
	}
}

// someDisk is the file of a disk: one that this machine has.
func someDisk(t *testing.T) string {
	t.Helper()
	all, _ := filepath.Glob("/sys/block/*")
	for _, sys := range all {
		path := filepath.Join("/dev", filepath.Base(sys))
		if _, _, err := blockDevice(path); err == nil {
			return path
		}
	}
	t.Skip("needs the file of a disk")
	return ""
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was (-update writes it):\n%s", path, got)
	}
}

// What goes by the clock needs no cgroups; what goes by memory does.
func TestRecyclesWithoutCgroups(t *testing.T) {
	s := &Starter{NoCgroups: errors.New("no cgroups here")}
	for _, c := range []struct {
		recycle spec.Recycle
		want    string
	}{
		{spec.Recycle{Schedule: "0 3 * * *", Timezone: "Local", MaxAge: 1e9, Jitter: 1e9}, ""},
		{spec.Recycle{Memory: spec.MemoryThreshold{Size: 1 << 20}}, "cannot watch the memory of web: no cgroups here\n  go on without: resources: {required: false}"},
		{spec.Recycle{Pressure: spec.Pressure{Stall: 1e6, Window: 1e9}}, "cannot watch the memory of web: no cgroups here\n  go on without: resources: {required: false}"},
	} {
		got := ""
		if err := s.withoutCgroups(&spec.App{Name: "web", Recycle: c.recycle}, nil, nil); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.recycle, got, c.want)
		}
	}
}

// What is wrong with all workers of an app is said once.
func TestComplaintsOnce(t *testing.T) {
	var all complaints
	for _, err := range []error{nil, errors.New("no memory"), errors.New("no cpus\n  remedy"), errors.New("no memory"), errors.New("no cpus\n  remedy"), nil} {
		all.add(err)
	}
	if got := errors.Join(all...).Error(); got != "no memory\nno cpus\n  remedy" {
		t.Errorf("%q", got)
	}
	var none complaints
	if none.add(nil); errors.Join(none...) != nil {
		t.Error("a complaint of nothing")
	}
}
