package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// limit is a row: what a user writes, and what stands in the group's file then.
type limit struct {
	name, keys string
	v2         string // FILE VALUE; the value's words are all in the file
	controller string // of v1
	v1         string // FILE VALUE; empty: v1 has no such limit, and the start fails with the reason
	or         string // FILE VALUE on kernels that have another file for it
	app        bool   // it is on the app's group
}

func limitTable(t *testing.T) []limit {
	t.Helper()
	all := []limit{
		{name: "memory", keys: "memory: 64MiB", v2: "memory.max 67108864", controller: "memory", v1: "memory.limit_in_bytes 67108864"},
		{name: "high", keys: "memory_high: 32MiB", v2: "memory.high 33554432", controller: "memory"},
		{name: "low", keys: "memory_low: 8MiB", v2: "memory.low 8388608", controller: "memory", v1: "memory.soft_limit_in_bytes 8388608"},
		{name: "swap", keys: "memory: 64MiB, swap: 16MiB", v2: "memory.swap.max 16777216", controller: "memory", v1: "memory.memsw.limit_in_bytes 83886080"},
		{name: "no-swap", keys: "memory: 64MiB, swap: 0MiB", v2: "memory.swap.max 0", controller: "memory", v1: "memory.memsw.limit_in_bytes 67108864"},
		{name: "cpus", keys: "cpus: 0.5", v2: "cpu.max 50000 100000", controller: "cpu", v1: "cpu.cfs_quota_us 50000"},
		{name: "weight", keys: "cpu_weight: 200", v2: "cpu.weight 200", controller: "cpu", v1: "cpu.shares 2048"},
		{name: "cpuset", keys: `cpuset: "0"`, v2: "cpuset.cpus 0", controller: "cpuset", v1: "cpuset.cpus 0"},
		{name: "pids", keys: "pids: 20", v2: "pids.max 20", controller: "pids", v1: "pids.max 20"},
		{name: "io-weight", keys: "io: {weight: 200}", v2: "io.weight default 200", controller: "blkio", v1: "blkio.bfq.weight 200", or: "blkio.weight 200"},
		{name: "hugetlb", keys: "hugetlb: {2MiB: 4MiB}", v2: "hugetlb.2MB.max 4194304", controller: "hugetlb", v1: "hugetlb.2MB.limit_in_bytes 4194304"},
		{name: "oci", keys: "oci: {pids: {limit: 30}}", v2: "pids.max 30", controller: "pids", v1: "pids.max 30"},
		{name: "oci-wins", keys: "memory: 64MiB, oci: {memory: {limit: 83886080}}", v2: "memory.max 83886080", controller: "memory", v1: "memory.limit_in_bytes 83886080"},
		{name: "total", keys: "total: {memory: 256MiB}", v2: "memory.max 268435456", controller: "memory", v1: "memory.limit_in_bytes 268435456", app: true},
		{name: "total-pids", keys: "total: {pids: 200}", v2: "pids.max 200", controller: "pids", v1: "pids.max 200", app: true},
	}
	if path, number := disk(); path != "" {
		all = append(all, limit{name: "io", keys: "io: {limits: [{device: " + path + ", write_bps: 1MiB, read_iops: 100}]}",
			v2: "io.max " + number + " wbps=1048576 riops=100", controller: "blkio", v1: "blkio.throttle.write_bps_device " + number + " 1048576"})
	}
	return all
}

// disk is a whole disk of this machine, if there is one.
func disk() (path, number string) {
	disks, _ := filepath.Glob("/sys/block/*")
	for _, sys := range disks {
		path := filepath.Join("/dev", filepath.Base(sys))
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK {
			return path, fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		}
	}
	return "", ""
}

// Every limit stands in the group before the worker runs; one that cannot be set fails the start and says why.
func limits(t *testing.T, w *world) {
	for _, l := range limitTable(t) {
		t.Run(l.name, func(t *testing.T) {
			name, want := "limit-"+l.name, w.wants(l)
			if want != "" {
				dir := w.group(t, name, 0, l.controller)
				if l.app {
					dir = filepath.Dir(dir)
				}
				base, value, _ := strings.Cut(want, " ")
				if got := file(t, filepath.Join(dir, base)); !hasWords(got, value) {
					t.Errorf("%s is %q, wanted %q", base, got, value)
				}
				return
			}
			rows := w.waitRows(t, "the outcome of the start", func(r row) bool { return r.LastExit != nil || r.State == "running" }, name)
			if r := rows[0]; r.LastExit == nil || r.LastExit.Reason != "start-failed" {
				t.Fatalf("a limit that cannot be set, and it is %v", r)
			}
			w.told(t, "cannot limit "+name)
		})
	}
}

// wants is the file and the value that a limit has in this mode; empty if it cannot be set here.
func (w *world) wants(l limit) string {
	switch {
	case !w.grouped():
		return ""
	case w.v2():
		return l.v2
	}
	for _, want := range []string{l.v1, l.or} {
		base, _, _ := strings.Cut(want, " ")
		if _, err := os.Stat(filepath.Join(w.groups.Dir(l.controller, ""), base)); want != "" && err == nil {
			return want
		}
	}
	return ""
}

// told waits until goinit has written it.
func (w *world) told(t *testing.T, text string) {
	t.Helper()
	bed.Wait(t, "goinit to say "+text, func() (bool, string) {
		said := w.Output.String()
		return strings.Contains(said, text), said
	})
}

// hasWords reports whether all words of want are words of got.
func hasWords(got, want string) bool {
	for _, word := range strings.Fields(want) {
		if !strings.Contains(" "+got+" ", " "+word+" ") {
			return false
		}
	}
	return true
}

// With required: false a limit that cannot be set is a warning.
func optionalLimit(t *testing.T, w *world) {
	w.serves(t, "optional", 0)
	if !w.grouped() {
		w.told(t, "cannot limit optional")
	}
}

// A limit changes while the worker runs, and goes.
func update(t *testing.T, w *world) {
	before := w.serves(t, "plain", 0)
	if !w.grouped() {
		if r := w.run(t, "update", "plain", "--memory", "300MiB"); r.Status != 1 || !strings.Contains(r.Stderr, "cannot limit plain") {
			t.Errorf("update without groups: status %d", r.Status)
		}
		return
	}
	base, none := "memory.max", "max"
	if !w.v2() {
		base, none = "memory.limit_in_bytes", "9223372036854771712" // the most that the counter can hold
	}
	path := filepath.Join(w.group(t, "plain", 0, "memory"), base)
	for _, step := range []struct{ value, want string }{{"300MiB", "314572800"}, {"200MiB", "209715200"}, {"none", none}} {
		if r := w.run(t, "update", "plain", "--memory", step.value); r.Status != 0 {
			t.Fatalf("update: status %d", r.Status)
		}
		if got := file(t, path); got != step.want {
			t.Errorf("after --memory %s, %s is %s, wanted %s", step.value, base, got, step.want)
		}
	}
	if after := w.serves(t, "plain", 0); after != before {
		t.Errorf("the worker was %d and is %d", before, after)
	}
}

// ramDisk is what TestVM's machine has for a disk. Nothing is ever written to another.
const ramDisk = "/dev/ram0"

// A limit of io is seen in what the worker waits for: a disk of memory never lets anybody wait.
func diskThrottled(t *testing.T, w *world) {
	if _, err := os.Stat(ramDisk); err != nil || os.Getenv(insideVM) == "" {
		t.Skip("there is no disk that may be written to: TestVM has one")
	}
	w.serves(t, "writer", 0)
	w.tell(t, "writer", 0, "write "+ramDisk)
	bed.Wait(t, "the worker to write, and to wait for it", func() (bool, string) {
		u := w.stat(t, "writer/0")
		return number(u.IOWrittenBytes) > 2*mib && u.IOPressure != nil && u.IOPressure.TotalSeconds > 0.5, fmt.Sprintf("%+v", u)
	})
	w.run(t, "stats", "writer")
	w.must(t, "stop", "writer")
}

// A limit of huge pages refuses the one beyond it.
func hugePages(t *testing.T, w *world) {
	const reserved = "/proc/sys/vm/nr_hugepages"
	if os.Getenv(insideVM) == "" {
		t.Skip("huge pages are the whole machine's: TestVM's has some")
	}
	if err := os.WriteFile(reserved, []byte("8"), 0); err != nil {
		t.Fatal(err)
	}
	if got := file(t, reserved); got != "8" {
		t.Skip("the machine has no room for huge pages: ", got)
	}
	w.serves(t, "huge", 0)
	if got := w.tell(t, "huge", 0, "huge 4"); got != "held" {
		t.Errorf("4 MiB, which it may have: %s", got)
	}
	if got := w.tell(t, "huge", 0, "huge 2"); !strings.Contains(got, "refused") {
		t.Errorf("2 MiB more: %s", got)
	}
	w.must(t, "stop", "huge")
	if err := os.WriteFile(reserved, []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
}

// A limit of CPU is seen in what the worker is kept from.
func throttled(t *testing.T, w *world) {
	w.serves(t, "spinner", 0)
	w.tell(t, "spinner", 0, "spin")
	bed.Wait(t, "the worker to use CPU, and be kept from it", func() (bool, string) {
		u := w.stat(t, "spinner/0")
		return seconds(u.CPUSeconds) > 0.1 && (!w.grouped() || seconds(u.CPUThrottledSeconds) > 0), fmt.Sprintf("%+v", u)
	})
	w.must(t, "stop", "spinner")
}
