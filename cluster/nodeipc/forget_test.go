package nodeipc

import (
	"net"
	"strconv"
	"testing"
	"time"

	"goinit/cluster"
)

// listening reports whether somebody may connect.
func listening(port int) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err == nil {
		c.Close()
	}
	return err == nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A spec that does not name an address any more takes nothing from workers who listen there by themselves; and who comes after
// them, when it was forgotten, gets a socket that is accepted from.
func TestForgetIsNotOfWorkers(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	address := cluster.Address{Network: cluster.TCP, Host: "127.0.0.1", Port: freePort(t)}
	if _, err := a.pool.Socket(0, address, cluster.Options{Mode: cluster.RoundRobin}); err != nil { // as of listen:
		t.Fatal(err)
	}
	first := a.stranger(0)
	first.listens(address.Port)
	a.balance.Forget(address)
	if !listening(address.Port) {
		t.Fatal("a worker's socket was closed")
	}
	first.until(`"newconn"`)
	first.Gone()
	a.balance.Forget(address)
	if listening(address.Port) {
		t.Fatal("nobody's socket was kept")
	}
	second := a.stranger(0)
	second.listens(address.Port)
	if !listening(address.Port) {
		t.Fatal("the next worker does not listen")
	}
	second.until(`"newconn"`)
}

// A new version that listens elsewhere leaves nobody to wait at the old address.
func TestListensElsewhere(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	old, now := freePort(t), freePort(t)
	later := func(d time.Duration) {
		a.hub.mu.Lock()
		defer a.hub.mu.Unlock()
		a.balance.tick(time.Now().Add(d))
	}
	first := a.stranger(0)
	first.listens(old)
	first.Gone()
	later(time.Hour)
	if !listening(old) {
		t.Fatal("the socket did not wait for a successor")
	}
	crashed := a.stranger(0)
	crashed.listens(now)
	later(succeedRest / 2)
	if !listening(old) {
		t.Fatal("the socket was closed at once")
	}
	crashed.Gone()
	later(time.Hour)
	if !listening(old) {
		t.Fatal("who ended in its time has closed the socket")
	}
	beside := a.stranger(0) // comes ahead of the end of the one before
	back := a.stranger(0)
	back.listens(old)
	beside.listens(now)
	back.Drain()
	back.Gone()
	a.stranger(1).listens(now)
	later(2 * succeedRest)
	if listening(old) || !listening(now) {
		t.Errorf("the old port: %v, the new one: %v", listening(old), listening(now))
	}
}

// A socket of UDP outlives a worker; but if the next one does not stay, it is closed, for it knows what the one before has told it
// (IP_ADD_MEMBERSHIP), and refuses to be told again. Not one of the spec's.
func TestUDPIsKeptForWhoCanUseIt(t *testing.T) {
	for _, named := range []bool{false, true} {
		a := newApp(t, "", cluster.ReusePort)
		address := cluster.Address{Network: cluster.UDP, Host: "127.0.0.1", Port: freePort(t)}
		free := func() bool {
			c, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(address.Port))
			if err == nil {
				c.Close()
			}
			return err == nil
		}
		bound := func(slot int) *stranger {
			s := a.stranger(slot, func(o *Options) {
				if named {
					o.Listening = []cluster.Address{address}
				}
			})
			s.say(`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`,
				`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"127.0.0.1","port":`+strconv.Itoa(address.Port)+`,"addressType":"udp4","flags":0,"seq":1}`)
			s.until(`"errno":0`)
			return s
		}
		first, second := bound(0), bound(1)
		first.Gone()
		if free() {
			t.Errorf("named %v: it is closed, and one has it", named)
		}
		second.Gone()
		if free() {
			t.Errorf("named %v: it is not kept for who comes next", named)
		}
		bound(0).Gone()
		if got := free(); got == named {
			t.Errorf("named %v: after one who could not use it it is free: %v", named, got)
		}
		bound(0)
		if free() {
			t.Errorf("named %v: the next one has not got it", named)
		}
	}
}
