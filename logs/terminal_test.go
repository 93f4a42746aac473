package logs

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal makes a pseudo-terminal: its master and its slave.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	slave = os.NewFile(uintptr(fd), "terminal")
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// A terminal that is held up (Ctrl-S, or nobody reads the other end) takes a little and then nothing; a write that has
// begun would block. docker run -t has one for both outputs.
func TestTerminalThatIsHeldUp(t *testing.T) {
	master, slave := terminal(t)
	fd := int(slave.Fd())
	c, err := New(Options{Stdout: fd, Stderr: fd, patience: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags of the terminal: %o, %v", flags, err)
	}
	o, err := c.Open(Worker{App: "web", Console: Prefix})
	if err != nil {
		t.Fatal(err)
	}
	cmd := start(t, o, `yes 1234567890 | head -c 2000000`)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	o.Drain(soon())
	if c.Stats().Lost == 0 {
		t.Error("nothing is lost: this terminal is not held up")
	}
	out := collect(master)
	until(t, "the terminal shows what was queued, and what was not", func() bool {
		return strings.HasSuffix(out.String(), "were not shown here: the reader was too slow\r\n")
	})
	shown := strings.Count(out.String(), "web/0 | 1234567890\r\n")
	if all := shown + int(c.Stats().Lost); all != 181_818 && all != 181_819 {
		t.Errorf("%d lines shown and %d lost", shown, c.Stats().Lost)
	}
	c.Close(soon())
}

func TestColour(t *testing.T) {
	k := newConsole(t, Options{Colour: true})
	k.Plan("web/0", "db/0")
	for _, app := range []string{"web", "db"} {
		o := k.open(Worker{App: app})
		write(t, o.Stdout(), "x\n")
		o.Drain(soon())
	}
	out, _ := k.end()
	if want := "\x1b[3" + string(colour("web")) + "mweb/0 |\x1b[0m x\n\x1b[3" + string(colour("db")) + "mdb/0  |\x1b[0m x\n"; out != want {
		t.Errorf("%q, want %q", out, want)
	}
	for _, app := range []string{"", "a", "web", "db", "worker", "cache"} {
		if c := colour(app); c < '2' || c > '6' {
			t.Errorf("%s has colour %c", app, c)
		}
	}
}
