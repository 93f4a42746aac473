package spec

import "fmt"

// limitNames are those that can be changed one by one while an app runs. What has parts of its own (io, hugetlb, oci) comes
// with a whole spec.
const limitNames = "memory, memory_high, memory_low, swap, cpus, cpu_weight, cpuset, pids"

// Set changes one limit by its key in resources: to what the text means in a spec, or with nil to none.
func (l *Limits) Set(name string, text *string) error {
	s := ""
	if text != nil {
		if s = *text; s == "" {
			return fmt.Errorf("%s: it is empty", name)
		}
	}
	var err error
	switch name {
	case "memory":
		err = assign(&l.Memory, s, positiveSize)
	case "memory_high":
		err = assign(&l.MemoryHigh, s, positiveSize)
	case "memory_low":
		err = assign(&l.MemoryLow, s, ParseSize)
	case "swap":
		err = assignPointer(&l.Swap, s, ParseSize)
	case "cpus":
		err = assign(&l.CPUs, s, ParseCPUs)
	case "cpu_weight":
		err = assign(&l.CPUWeight, s, IntBetween(1, 10000))
	case "cpuset":
		err = assign(&l.CPUSet, s, ParseCPUSet)
	case "pids":
		err = assign(&l.Pids, s, IntBetween(1, 1<<22))
	default:
		return fmt.Errorf("there is no limit %q that can be changed alone; there are %s", clip(name), limitNames)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// assign parses a text; the empty one is none.
func assign[T any](to *T, text string, parse func(string) (T, error)) (err error) {
	var v T
	if text != "" {
		v, err = parse(text)
	}
	if err == nil {
		*to = v
	}
	return err
}

// assignPointer is for limits of which zero is one.
func assignPointer[T any](to **T, text string, parse func(string) (T, error)) error {
	if text == "" {
		*to = nil
		return nil
	}
	v := new(T)
	if err := assign(v, text, parse); err != nil {
		return err
	}
	*to = v
	return nil
}
