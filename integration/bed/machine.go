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

// machineDeadline is for all that one boot runs; like Deadline, it tells a hang from a busy machine.
const machineDeadline = 8 * time.Minute

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
func RunCommands(t *testing.T, m *vm.Machine, goinit string, commands ...vm.Command) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), machineDeadline)
	defer cancel()
	output := NewOutput()
	m.Output = output
	began := time.Now()
	r, outcomes, err := m.RunCommands(ctx, goinit, commands...)
	t.Logf("the machine wrote:\n%s", output)
	t.Logf("it ran %v of %v; PID 1 ended with status %d", r.Took.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond), r.Status)
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
}
