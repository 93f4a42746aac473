package launch

import (
	"fmt"
	"strconv"

	"goinit/cgroup"
	"goinit/spec"
)

// wording is a limit as the spec has it: its key, and what it is with the value as it was written.
type wording struct{ key, what string }

// inTheSpecsWords names settings by the keys and values that the user has written, for on the way to the kernel they were
// put into OCI's words, and converted: nobody looks for 2048 CPU shares who has written cpu_weight: 200. What oci: itself
// says keeps its words, which are the user's too.
func inTheSpecsWords(all []cgroup.Setting, l spec.Limits) {
	words := wordings(l)
	if l.OCI != nil {
		own, _ := cgroup.Translate(l.OCI) // its mistakes were told of the whole
		for _, s := range own {
			delete(words, s.Key)
		}
	}
	for i := range all {
		s := &all[i]
		w, ok := words[s.Key]
		if !ok {
			s.Key = "oci." + s.Key
			continue
		}
		s.Key, s.What = w.key, w.what
		if w.key == "swap" && s.No1 != "" {
			s.No1 = "cgroup v1 limits it only together with memory"
		}
	}
}

// wordings are those of all limits, by the keys that they have in OCI's words.
func wordings(l spec.Limits) map[string]wording {
	words := map[string]wording{}
	add := func(oci, key, article, value string) { words[oci] = wording{key, article + key + " of " + value} }
	words["memory.limit"] = wording{"memory", l.Memory.String()}
	add("memory.reservation", "memory_low", "a ", l.MemoryLow.String())
	if l.MemoryHigh > 0 {
		add("unified.memory.high", "memory_high", "a ", l.MemoryHigh.String())
	}
	if l.Swap != nil {
		for _, oci := range []string{"memory.swap", "unified.memory.swap.max"} {
			add(oci, "swap", "a ", l.Swap.String())
		}
	}
	words["cpu.quota"] = wording{"cpus", strconv.FormatFloat(l.CPUs, 'f', -1, 64) + " cpus"}
	add("cpu.shares", "cpu_weight", "a ", strconv.Itoa(l.CPUWeight))
	words["cpu.cpus"] = wording{"cpuset", "the cpuset " + l.CPUSet}
	words["pids.limit"] = wording{"pids", strconv.Itoa(l.Pids) + " pids"}
	add("blockIO.weight", "io.weight", "an ", strconv.Itoa(l.IO.Weight))
	for _, d := range l.IO.Limits {
		major, minor, err := blockDevice(d.Device)
		if err != nil { // it went just now; then the number has to do
			continue
		}
		number := fmt.Sprintf(" %d:%d", major, minor)
		for _, rate := range []struct{ oci, key, value string }{
			{"throttleReadBpsDevice", "read_bps", d.ReadBPS.String()}, {"throttleWriteBpsDevice", "write_bps", d.WriteBPS.String()},
			{"throttleReadIOPSDevice", "read_iops", strconv.Itoa(d.ReadIOPS)}, {"throttleWriteIOPSDevice", "write_iops", strconv.Itoa(d.WriteIOPS)}} {
			words["blockIO."+rate.oci+number] = wording{"io.limits " + rate.key, "a " + rate.key + " of " + rate.value + " on " + d.Device}
		}
	}
	for size, limit := range l.HugeTLB {
		words["hugepageLimits "+pageSize(size)] = wording{"hugetlb", "a hugetlb of " + limit.String() + " in pages of " + size}
	}
	return words
}
