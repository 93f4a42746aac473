package nodeipc

import (
	"fmt"
	"testing"

	"goinit/cluster"
)

// A port that the spec has, and the program spells in another way, is in use by goinit itself: that is said, and once.
func TestThePortIsTheSpecs(t *testing.T) {
	for _, tt := range []struct{ spec, program string }{{"", "0.0.0.0"}, {"0.0.0.0", ""}, {"127.0.0.1", "0.0.0.0"}} {
		a := newApp(t, "", cluster.Shared)
		named := cluster.Address{Network: cluster.TCP, Host: tt.spec, Port: freePort(t)}
		if _, err := a.pool.Socket(0, named, cluster.Options{Mode: cluster.Shared}); err != nil { // as of listen:
			t.Fatal(err)
		}
		for n := range 2 {
			s := a.stranger(0, func(o *Options) { o.Listening = []cluster.Address{named} })
			s.say(`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`,
				fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":%q,"port":%d,"addressType":4,"seq":1}`, tt.program, named.Port))
			s.until(`"errno":-98`)
			if n > 0 {
				if len(s.events) > 0 {
					t.Errorf("again: %v", <-s.events)
				}
				continue
			}
			program := fmt.Sprintf("%s:%d", tt.program, named.Port)
			want := fmt.Sprintf("it listens on %s, and listen: of the spec has %s, which goinit keeps open: one is in the way of the other\n  write the same in both: listen: [%q]",
				program, named, program)
			if e := <-s.events; e.Kind != Hint || e.Detail != want {
				t.Errorf("%v\nwant %s", e, want)
			}
		}
	}
}
