package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Setting is one limit: in a person's words, and as the files of both versions have it. Where a version cannot express
// it, there are no writes for it and a reason.
type Setting struct {
	// Key is what to leave out to be without it: of OCI's resources, as Translate makes it, with the device or the page's size
	// where there is a list: "blockIO.throttleReadBpsDevice 8:0". Who has other words puts theirs here and in What.
	Key        string
	What       string // "256MiB of memory", as in: cannot limit web to …
	Controller string // by its name in v2; empty: a core file
	V2, V1     []Write
	No2, No1   string
}

// Write is a file of a group and what is written to it.
type Write struct {
	File, Value string
	// Unset is what takes it back; empty: it cannot be taken back while the group is there.
	Unset string
	// Item is what of a file that has a line for each of many (devices) is set.
	Item string
	// Instead is another file for the same, where this one is not there.
	Instead *Write
}

// reset is a value that is nothing but a newline: what empties a cpuset.
const reset = "\n"

// Translate makes settings of OCI's resources. What goinit cannot do is an error, never left out.
func Translate(r *specs.LinuxResources) ([]Setting, error) {
	if r == nil {
		return nil, nil
	}
	t := &translation{}
	t.memory(r.Memory)
	t.cpu(r.CPU)
	if r.Pids != nil && r.Pids.Limit != nil {
		limit := maximum(*r.Pids.Limit)
		t.both("pids.limit", fmt.Sprintf("%s processes (pids)", limit), "pids", Write{File: "pids.max", Value: limit, Unset: "max"}, Write{File: "pids.max", Value: limit, Unset: "max"})
	}
	t.blockIO(r.BlockIO)
	for _, h := range r.HugepageLimits {
		value := strconv.FormatUint(h.Limit, 10)
		t.both("hugepageLimits "+h.Pagesize, bytesText(int64(h.Limit))+" of huge pages of "+h.Pagesize, "hugetlb", Write{File: "hugetlb." + h.Pagesize + ".max", Value: value, Unset: "max"},
			Write{File: "hugetlb." + h.Pagesize + ".limit_in_bytes", Value: value, Unset: "-1"})
	}
	t.network(r.Network)
	for _, device := range sortedKeys(r.Rdma) {
		t.rdma(device, r.Rdma[device])
	}
	if len(r.Devices) > 0 {
		t.refuse("devices", "goinit makes no device rules (they are eBPF programs): give them to the container")
	}
	t.unified(r.Unified)
	return t.settings, errors.Join(t.refused...)
}

type translation struct {
	settings []Setting
	refused  []error
}

func (t *translation) refuse(key, why string) {
	t.refused = append(t.refused, fmt.Errorf("oci: %s: %s", key, why))
}

func (t *translation) both(key, what, controller string, v2, v1 Write) {
	t.settings = append(t.settings, Setting{Key: key, What: what, Controller: controller, V2: []Write{v2}, V1: []Write{v1}})
}

func (t *translation) onlyV1(key, what, controller string, w Write) {
	t.settings = append(t.settings, Setting{Key: key, What: what, Controller: controller, V1: []Write{w}, No2: "cgroup v2 has nothing like it"})
}

func (t *translation) memory(m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	if m.Limit != nil {
		t.both("memory.limit", bytesText(*m.Limit), "memory", Write{File: "memory.max", Value: maximum(*m.Limit), Unset: "max"},
			Write{File: "memory.limit_in_bytes", Value: strconv.FormatInt(*m.Limit, 10), Unset: "-1"})
	}
	if m.Swap != nil {
		t.swap(m)
	}
	if m.Reservation != nil {
		value := strconv.FormatInt(*m.Reservation, 10)
		t.both("memory.reservation", "a reserve of "+bytesText(*m.Reservation), "memory", Write{File: "memory.low", Value: maximum(*m.Reservation), Unset: "0"},
			Write{File: "memory.soft_limit_in_bytes", Value: value, Unset: "-1"})
	}
	if m.KernelTCP != nil {
		t.onlyV1("memory.kernelTCP", bytesText(*m.KernelTCP)+" of TCP buffers", "memory", Write{File: "memory.kmem.tcp.limit_in_bytes", Value: strconv.FormatInt(*m.KernelTCP, 10), Unset: "-1"})
	}
	if m.Swappiness != nil {
		t.onlyV1("memory.swappiness", fmt.Sprintf("swappiness %d", *m.Swappiness), "memory", Write{File: "memory.swappiness", Value: strconv.FormatUint(*m.Swappiness, 10), Unset: "60"})
	}
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		t.onlyV1("memory.disableOOMKiller", "no OOM killer", "memory", Write{File: "memory.oom_control", Value: "1", Unset: "0"})
	}
	//lint:ignore SA1019 the key is in the specification, so somebody may write it
	if m.Kernel != nil {
		t.refuse("memory.kernel", "the kernel has no such limit since 5.4")
	}
	if m.UseHierarchy != nil && !*m.UseHierarchy {
		t.refuse("memory.useHierarchy", "the kernel counts with hierarchy always")
	}
	if m.CheckBeforeUpdate != nil && *m.CheckBeforeUpdate {
		t.refuse("memory.checkBeforeUpdate", "goinit does not check")
	}
}

// swap is, in OCI's words as in v1, memory and swap together; v2 counts swap alone.
func (t *translation) swap(m *specs.LinuxMemory) {
	both := *m.Swap
	v2 := Write{File: "memory.swap.max", Value: "max", Unset: "max"}
	switch {
	case both < 0:
	case m.Limit == nil || *m.Limit < 0 || *m.Limit > both:
		t.refuse("memory.swap", "it is memory and swap together: give memory.limit too, and no more than it")
		return
	default:
		v2.Value = strconv.FormatInt(both-*m.Limit, 10)
	}
	t.both("memory.swap", "swap beside memory of "+v2.Value+" bytes", "memory", v2, Write{File: "memory.memsw.limit_in_bytes", Value: strconv.FormatInt(both, 10), Unset: "-1"})
}

// defaultPeriod is the kernel's, in µs.
const defaultPeriod = 100_000

func (t *translation) cpu(c *specs.LinuxCPU) {
	if c == nil {
		return
	}
	if c.Quota != nil || c.Period != nil {
		t.quota(c)
	}
	if c.Burst != nil {
		value := strconv.FormatUint(*c.Burst, 10)
		t.both("cpu.burst", "a burst of "+value+" µs", "cpu", Write{File: "cpu.max.burst", Value: value, Unset: "0"}, Write{File: "cpu.cfs_burst_us", Value: value, Unset: "0"})
	}
	if c.Shares != nil {
		t.both("cpu.shares", fmt.Sprintf("%d CPU shares", *c.Shares), "cpu", Write{File: "cpu.weight", Value: strconv.FormatUint(weightOfShares(*c.Shares), 10), Unset: "100"},
			Write{File: "cpu.shares", Value: strconv.FormatUint(*c.Shares, 10), Unset: "1024"})
	}
	if c.Idle != nil {
		value := strconv.FormatInt(*c.Idle, 10)
		t.both("cpu.idle", "cpu.idle "+value, "cpu", Write{File: "cpu.idle", Value: value, Unset: "0"}, Write{File: "cpu.idle", Value: value, Unset: "0"})
	}
	if c.RealtimePeriod != nil {
		t.onlyV1("cpu.realtimePeriod", "a realtime period", "cpu", Write{File: "cpu.rt_period_us", Value: strconv.FormatUint(*c.RealtimePeriod, 10), Unset: "1000000"})
	}
	if c.RealtimeRuntime != nil {
		t.onlyV1("cpu.realtimeRuntime", "a realtime budget", "cpu", Write{File: "cpu.rt_runtime_us", Value: strconv.FormatInt(*c.RealtimeRuntime, 10), Unset: "0"})
	}
	for _, set := range []struct{ key, file, value, what string }{{"cpu.cpus", "cpuset.cpus", c.Cpus, "the CPUs "}, {"cpu.mems", "cpuset.mems", c.Mems, "the memory nodes "}} {
		if set.value != "" {
			t.both(set.key, set.what+set.value, "cpuset", Write{File: set.file, Value: set.value, Unset: reset}, Write{File: set.file, Value: set.value, Unset: reset})
		}
	}
}

func (t *translation) quota(c *specs.LinuxCPU) {
	period, quota := uint64(defaultPeriod), int64(-1)
	if c.Period != nil && *c.Period > 0 {
		period = *c.Period
	}
	if c.Quota != nil && *c.Quota > 0 {
		quota = *c.Quota
	}
	what := "any CPU time"
	if quota > 0 {
		what = strconv.FormatFloat(float64(quota)/float64(period), 'f', -1, 64) + " CPUs"
	}
	t.settings = append(t.settings, Setting{Key: "cpu.quota", What: what, Controller: "cpu",
		V2: []Write{{File: "cpu.max", Value: maximum(quota) + " " + strconv.FormatUint(period, 10), Unset: "max " + strconv.Itoa(defaultPeriod)}},
		V1: []Write{{File: "cpu.cfs_period_us", Value: strconv.FormatUint(period, 10), Unset: strconv.Itoa(defaultPeriod)},
			{File: "cpu.cfs_quota_us", Value: strconv.FormatInt(quota, 10), Unset: "-1"}}})
}

// weightOfShares is the conversion that container runtimes have agreed on, 2…262144 to 1…10000 with 1024 at 100
// (github.com/opencontainers/cgroups, ConvertCPUSharesToCgroupV2Value).
func weightOfShares(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612.0-7.0/34.0)))
}

func (t *translation) blockIO(b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	if b.Weight != nil {
		t.ioWeight(*b.Weight)
	}
	for _, d := range b.WeightDevice {
		if d.Weight != nil {
			item := device(d.Major, d.Minor)
			text := fmt.Sprintf("%s %d", item, *d.Weight)
			t.both("blockIO.weightDevice "+item, "the weight "+text, "io", Write{File: "io.bfq.weight", Item: item, Value: text, Unset: item + " default"},
				Write{File: "blkio.bfq.weight_device", Item: item, Value: text, Unset: item + " 0", Instead: &Write{File: "blkio.weight_device", Item: item, Value: text, Unset: item + " 0"}})
		}
		if d.LeafWeight != nil {
			t.refuse("blockIO.weightDevice.leafWeight", "the kernel has none since 5.0")
		}
	}
	if b.LeafWeight != nil {
		t.refuse("blockIO.leafWeight", "the kernel has none since 5.0")
	}
	for _, kind := range []struct {
		key      string
		limits   []specs.LinuxThrottleDevice
		v2, v1   string
		what     string
		dataRate bool
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice, "rbps", "blkio.throttle.read_bps_device", "read", true},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice, "wbps", "blkio.throttle.write_bps_device", "written", true},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice, "riops", "blkio.throttle.read_iops_device", "reads", false},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice, "wiops", "blkio.throttle.write_iops_device", "writes", false},
	} {
		for _, l := range kind.limits {
			item := device(l.Major, l.Minor)
			amount := strconv.FormatUint(l.Rate, 10)
			if kind.dataRate {
				amount = bytesText(int64(l.Rate))
			}
			t.both("blockIO."+kind.key+" "+item, amount+" "+kind.what+" a second on device "+item, "io",
				Write{File: "io.max", Item: item + kind.v2, Value: fmt.Sprintf("%s %s=%d", item, kind.v2, l.Rate), Unset: item + " " + kind.v2 + "=max"},
				Write{File: kind.v1, Item: item, Value: fmt.Sprintf("%s %d", item, l.Rate), Unset: item + " 0"})
		}
	}
}

// ioWeight is 10 to 1000. The file is BFQ's or io.cost's, whichever the machine uses.
func (t *translation) ioWeight(weight uint16) {
	plain := strconv.Itoa(int(weight))
	wide := strconv.Itoa(1 + (max(int(weight), 10)-10)*9999/990)
	t.both("blockIO.weight", "an io weight of "+plain, "io",
		Write{File: "io.bfq.weight", Value: plain, Unset: "100", Instead: &Write{File: "io.weight", Value: wide, Unset: "100"}},
		Write{File: "blkio.bfq.weight", Value: plain, Unset: "100", Instead: &Write{File: "blkio.weight", Value: plain, Unset: "500"}})
}

func device(major, minor int64) string { return fmt.Sprintf("%d:%d", major, minor) }

func (t *translation) network(n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	if n.ClassID != nil {
		t.onlyV1("network.classID", fmt.Sprintf("network class %d", *n.ClassID), "net_cls", Write{File: "net_cls.classid", Value: strconv.FormatUint(uint64(*n.ClassID), 10), Unset: "0"})
	}
	for _, p := range n.Priorities {
		t.onlyV1("network.priorities "+p.Name, "network priority of "+p.Name, "net_prio", Write{File: "net_prio.ifpriomap", Item: p.Name, Value: fmt.Sprintf("%s %d", p.Name, p.Priority), Unset: p.Name + " 0"})
	}
}

func (t *translation) rdma(device string, r specs.LinuxRdma) {
	value := func(n *uint32) string {
		if n == nil {
			return "max"
		}
		return strconv.FormatUint(uint64(*n), 10)
	}
	w := Write{File: "rdma.max", Item: device, Value: device + " hca_handle=" + value(r.HcaHandles) + " hca_object=" + value(r.HcaObjects), Unset: device + " hca_handle=max hca_object=max"}
	t.both("rdma "+device, "rdma of "+device, "rdma", w, w)
}

// unsetUnified takes back files that are named by themselves.
var unsetUnified = map[string]string{
	"memory.high": "max", "memory.max": "max", "memory.swap.max": "max", "memory.swap.high": "max", "memory.zswap.max": "max",
	"memory.low": "0", "memory.min": "0", "memory.oom.group": "0",
	"cpu.max": "max 100000", "cpu.max.burst": "0", "cpu.weight": "100", "cpu.idle": "0", "io.weight": "100", "io.bfq.weight": "100",
	"cpuset.cpus": reset, "cpuset.mems": reset, "pids.max": "max",
}

// unified are files of v2 by their names. They win over what says the same in OCI's other words, which then holds for v1.
func (t *translation) unified(files map[string]string) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		controller, _, ok := strings.Cut(file, ".")
		if !ok || strings.ContainsAny(file, "/\x00") || controller == "cgroup" {
			t.refuse("unified", strconv.Quote(file)+" is not a limit of a controller")
			continue
		}
		w := Write{File: file, Value: files[file], Unset: unsetUnified[file]}
		if weight, err := strconv.Atoi(w.Value); file == "io.weight" && err == nil { // BFQ's has the same middle, 100, and ends at 1000
			w.Instead = &Write{File: "io.bfq.weight", Value: strconv.Itoa(min(weight, 1000)), Unset: "100"}
		}
		i := slices.IndexFunc(t.settings, func(s Setting) bool {
			return len(s.V2) == 1 && s.V2[0].Item == "" && (s.V2[0].File == file || s.V2[0].Instead != nil && s.V2[0].Instead.File == file)
		})
		if i >= 0 {
			t.settings[i].V2 = []Write{w}
			continue
		}
		t.settings = append(t.settings, Setting{Key: "unified." + file, What: file + " " + files[file], Controller: controller, V2: []Write{w}, No1: "cgroup v1 has nothing like it"})
	}
}

// maximum writes a limit as v2 and pids have it.
func maximum(n int64) string {
	if n < 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// bytesText is a size as the spec has it.
func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	if n < 0 {
		return "any memory"
	}
	return strconv.FormatInt(n, 10) + "B"
}
