package gateway

import (
	"bytes"
	"os"
	"strconv"
)

// usage is what goinit itself uses.
type usage struct{ cpuSeconds, residentBytes, threads float64 }

// usageOf reads proc_pid_stat(5), which everybody may; nil: not here (hidepid).
func usageOf(pid int) *usage {
	const (
		ticks = 100 // USER_HZ, the same on all machines that goinit is built for
		// The fields behind the name, which may hold anything but ends with the last ")": state is the first.
		utime, stime, threads, rss = 11, 12, 17, 21
	)
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) <= rss {
		return nil
	}
	number := func(i int) float64 {
		n, _ := strconv.ParseFloat(string(f[i]), 64)
		return n
	}
	return &usage{(number(utime) + number(stime)) / ticks, number(rss) * float64(os.Getpagesize()), number(threads)}
}
