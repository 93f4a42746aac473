package launch

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"goinit/cgroup"
	"goinit/spec"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// settings are what a group's limits come to.
func settings(l spec.Limits) ([]cgroup.Setting, error) {
	r, err := ociResources(l)
	if err != nil {
		return nil, err
	}
	all, err := cgroup.Translate(r)
	inTheSpecsWords(all, l)
	return all, err
}

// cpuPeriod is in µs: the kernel's own default.
const cpuPeriod = 100_000

// ociResources puts the spec's words into OCI's; those of oci: come last, and win.
func ociResources(l spec.Limits) (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{Unified: map[string]string{}}
	memory(l, r)
	if l.CPUs > 0 || l.CPUWeight > 0 || l.CPUSet != "" {
		r.CPU = &specs.LinuxCPU{Cpus: l.CPUSet}
		if l.CPUs > 0 {
			quota, period := int64(l.CPUs*cpuPeriod), uint64(cpuPeriod)
			r.CPU.Quota, r.CPU.Period = &quota, &period
		}
		if l.CPUWeight > 0 { // shares are v1's word: what is not set has 1024 of them, where v2's weight is 100
			shares := max(2, uint64(l.CPUWeight)*1024/100)
			r.CPU.Shares = &shares
			r.Unified["cpu.weight"] = strconv.Itoa(l.CPUWeight)
		}
	}
	if l.Pids > 0 {
		limit := int64(l.Pids)
		r.Pids = &specs.LinuxPids{Limit: &limit}
	}
	if err := blockIO(l.IO, r); err != nil {
		return nil, err
	}
	for size, limit := range l.HugeTLB {
		r.HugepageLimits = append(r.HugepageLimits, specs.LinuxHugepageLimit{Pagesize: pageSize(size), Limit: uint64(limit)})
	}
	return r, merge(r, l.OCI)
}

func memory(l spec.Limits, r *specs.LinuxResources) {
	if l.Memory > 0 || l.MemoryLow > 0 {
		r.Memory = &specs.LinuxMemory{}
	}
	if l.Memory > 0 {
		limit := int64(l.Memory)
		r.Memory.Limit = &limit
	}
	if l.MemoryLow > 0 {
		low := int64(l.MemoryLow)
		r.Memory.Reservation = &low
	}
	if l.MemoryHigh > 0 {
		r.Unified["memory.high"] = strconv.FormatInt(int64(l.MemoryHigh), 10)
	}
	switch {
	case l.Swap == nil:
	case l.Memory > 0: // OCI counts both together, as v1 does
		both := int64(l.Memory + *l.Swap)
		r.Memory.Swap = &both
	default:
		r.Unified["memory.swap.max"] = strconv.FormatInt(int64(*l.Swap), 10)
	}
}

func blockIO(l spec.IO, r *specs.LinuxResources) error {
	if l.Weight == 0 && len(l.Limits) == 0 {
		return nil
	}
	b := &specs.LinuxBlockIO{}
	r.BlockIO = b
	if l.Weight > 0 { // BFQ's weight on v1 has the same middle, 100, and ends at 10 and 1000
		weight := uint16(min(max(l.Weight, 10), 1000))
		b.Weight = &weight
		r.Unified["io.weight"] = strconv.Itoa(l.Weight)
	}
	for _, limit := range l.Limits {
		major, minor, err := blockDevice(limit.Device)
		if err != nil {
			return fmt.Errorf("io.limits: %w\n  name the file of a whole disk, such as /dev/vda", err)
		}
		for _, one := range []struct {
			rate uint64
			to   *[]specs.LinuxThrottleDevice
		}{{uint64(limit.ReadBPS), &b.ThrottleReadBpsDevice}, {uint64(limit.WriteBPS), &b.ThrottleWriteBpsDevice},
			{uint64(limit.ReadIOPS), &b.ThrottleReadIOPSDevice}, {uint64(limit.WriteIOPS), &b.ThrottleWriteIOPSDevice}} {
			if one.rate > 0 {
				d := specs.LinuxThrottleDevice{Rate: one.rate}
				d.Major, d.Minor = major, minor
				*one.to = append(*one.to, d)
			}
		}
	}
	return nil
}

// blockDevice is the number of a disk, by the path of its file.
func blockDevice(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, fmt.Errorf("%s is not a block device", path)
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}

// pageSize is 2MiB as the kernel's files have it: hugetlb.2MB.max.
func pageSize(size string) string {
	return strings.Replace(strings.TrimSuffix(size, "B"), "i", "", 1) + "B"
}

// merge lets what oci says win, key by key; a list of it replaces a list.
func merge(r, oci *specs.LinuxResources) error {
	if oci == nil {
		return nil
	}
	if oci.CPU != nil && oci.CPU.Shares != nil {
		delete(r.Unified, "cpu.weight") // which said the same
	}
	if oci.BlockIO != nil && oci.BlockIO.Weight != nil {
		delete(r.Unified, "io.weight")
	}
	text, err := json.Marshal(oci)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, r)
}
