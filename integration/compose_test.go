package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// composeProgram names Docker's compose, of which few machines have the second version: `make test-compose` builds it.
const composeProgram = "GOINIT_TEST_COMPOSE"

// deploy/compose.yaml as it stands, but for the network: up until it is healthy, hardened, watched from a terminal,
// restarted, which finds its directories anew, and down before Docker kills.
func TestCompose(t *testing.T) {
	if os.Getenv(composeProgram) == "" {
		bed.Without(t, "compose", composeProgram+" names no docker-compose")
	}
	e := docker(t)
	override := filepath.Join(t.TempDir(), "override.yaml")
	if err := os.WriteFile(override, []byte("services: {shop: {network_mode: none, ports: !reset [], build: {context: image, network: none}}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e.Adopt(t, "shop:1")
	compose := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(os.Getenv(composeProgram), append([]string{"--project-directory", "../deploy", "-f", "../deploy/compose.yaml", "-f", override}, args...)...)
		cmd.Env = e.Env()
		out, err := cmd.CombinedOutput()
		t.Logf("$ docker compose %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			t.Errorf("compose %s: %v", args[0], err)
		}
		return strings.TrimSpace(string(out))
	}
	goinit := func(args ...string) string {
		t.Helper()
		return compose(append([]string{"exec", "-T", "shop", "goinit", "ctl"}, args...)...)
	}
	t.Cleanup(func() { compose("down") })
	compose("up", "--build", "--detach", "--wait")

	if id := compose("exec", "-T", "shop", "id", "-u"); id != "12345" {
		t.Errorf("the user is %s", id)
	}
	if said := compose("exec", "-T", "shop", "sh", "-c", "touch /x 2>&1; grep CapBnd /proc/1/status"); !strings.Contains(said, "Read-only file system") || !strings.Contains(said, "0000000000000000") {
		t.Error("the container is not hardened")
	}
	shown := goinit("ps")
	for _, worker := range []string{"web/0", "web/1", "db/0"} {
		if !regexp.MustCompile(worker + ` +running +yes`).MatchString(shown) {
			t.Errorf("%s does not serve", worker)
		}
	}
	top := bed.NewTerminal(t, e.Command(t, "exec", "-it", compose("ps", "-q"), "goinit", "ctl", "top"))
	top.Output.Expect(t, "web/1")
	top.Type(t, "q")
	if status := top.Wait(); status != 0 {
		t.Errorf("top ended with status %d", status)
	}

	compose("restart")
	bed.Wait(t, "health after the restart", func() (bool, string) {
		health := e.Quiet(t, "inspect", "--format", "{{.State.Health.Status}}", compose("ps", "-q")).Stdout
		return strings.TrimSpace(health) == "healthy", health
	})
	logs := compose("logs")
	if strings.Count(logs, "the end, with status 0: SIGTERM") != 1 || strings.Contains(logs, "SIGKILL") {
		t.Error("the restart was no ordered stop")
	}
}
