package bed

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"goinit/integration/vm"
)

// machineReserve is what a test has left when its machine is ended for want of time: enough to say so.
const machineReserve = 30 * time.Second

// InMachine are flags and the environment for tests in a machine: what they wait for has the time that the whole test has.
func InMachine(t *testing.T) (flags, env []string) {
	env = []string{deadlineVariable + "=1h"}
	if deadline, ok := t.Deadline(); ok { // they end ahead of the machine, with their stacks
		flags = []string{"-test.timeout=" + (time.Until(deadline) - 2*machineReserve).Round(time.Second).String()}
	}
	return flags, env
}

// Machine returns a virtual machine that is not started yet, whose files are removed with the test.
func Machine(t testing.TB) *vm.Machine {
	t.Helper()
	if reason := vm.Missing(); reason != "" {
		Without(t, "vm", reason)
	}
	kernel, err := vm.FetchKernel()
	if err != nil {
		Without(t, "vm", "no kernel: "+err.Error())
	}
	dir, err := os.MkdirTemp("", "vm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &vm.Machine{Kernel: kernel, Dir: dir, Files: map[string]string{}}
	if m.Stage, err = vm.BuildStage(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

// RunCommands boots it with goinit as the kernel's init and runs the commands below it. What they write goes to the test's
// log. It fails the test if one of them fails, or does not end.
func RunCommands(t *testing.T, m *vm.Machine, goinit string, commands ...vm.Command) vm.Result {
	t.Helper()
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		var cancel func()
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-machineReserve))
		defer cancel()
	}
	m.Output = t.Output() // at once: whoever ends a test that hangs sees where
	began := time.Now()
	r, outcomes, err := m.RunCommands(ctx, goinit, commands...)
	t.Logf("it ran %v of %v, which took %v of processors; PID 1 ended with status %d",
		r.Took.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond), r.CPU.Round(10*time.Millisecond), r.Status)
	for _, c := range commands {
		at := slices.IndexFunc(outcomes, func(o vm.Outcome) bool { return o.Name == c.Name })
		switch {
		case at < 0:
			t.Errorf("%s did not end: %s", c.Name, strings.Join(c.Argv, " "))
		case outcomes[at].Status != 0:
			t.Errorf("%s: status %d", c.Name, outcomes[at].Status)
		default:
			t.Logf("%s: status 0 after %v", c.Name, outcomes[at].Took)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
