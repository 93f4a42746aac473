package nodeipc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// FuzzChannel has a worker send anything, in pieces of any size, while connections are on their way to it: we never fail over
// it, nor keep more of it than we say, and every connection is in one place.
func FuzzChannel(f *testing.F) {
	for _, seed := range []string{
		`{"cmd":"NODE_CLUSTER","act":"online","seq":0}` + "\n" +
			`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":{"ticketKeys":"00"},"address":null,"port":8123,"addressType":4,"backlog":0,"flags":0,"seq":1}` + "\n",
		`{"cmd":"NODE_HANDLE_ACK"}` + "\n" + `{"cmd":"NODE_CLUSTER","ack":1,"accepted":true,"seq":3}` + "\n",
		`{"cmd":"NODE_HANDLE_NACK"}` + "\n" + `{"cmd":"NODE_CLUSTER","ack":2,"accepted":false,"seq":3}` + "\n",
		`{"cmd":"NODE_CLUSTER","act":"listening"}` + "\n" + `{"cmd":"NODE_CLUSTER","act":"close","key":"\u0000/x:-1:-1:"}` + "\n",
		`{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"a":[1,2,"}"]}}` + "\n" + `{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":6}` + "\n",
		`"ready"` + "\n" + `{"act":"suicide"}` + "\n\n" + `{}` + "\n[]\nnull\n\x02{}\n",
	} {
		f.Add([]byte(seed), uint16(7))
		f.Add([]byte(seed), uint16(5000))
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	h, err := newHub(func(err error) { f.Error(err) })
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece uint16) {
		h.seq = 0
		w, child, _, err := h.Open(Options{ID: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(child)
		h.mu.Lock() // as for whoever else calls these
		w.entered = true
		l := &listener{hub: h, key: "key", armed: true}
		for range 3 {
			fd, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			w.give(l, fd, time.Now())
		}
		for whole := sent; len(whole) > 0; {
			n := min(len(whole), int(piece)%4096+1)
			if n, err = unix.Write(child, whole[:n]); err != nil {
				t.Error(err)
				break
			}
			whole = whole[n:]
			w.read()
			if got := len(w.channel.lines.begun); got > maxLine {
				t.Errorf("%d bytes of a line are kept", got)
			}
		}
		h.mu.Unlock()
		w.Gone()
		for _, fd := range l.waiting { // those that it has not accepted
			if err := unix.Close(fd); err != nil {
				t.Errorf("a connection was closed twice: %v", err)
			}
		}
		if len(l.waiting) > 3 || len(w.flights) > 0 {
			t.Errorf("%d wait, %d are still under way", len(l.waiting), len(w.flights))
		}
	})
}

// FuzzParse has encoding/json judge what we make of a line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"::1\u0000\"","port":8123,"addressType":6,"seq":1}`))
	f.Add([]byte(` { "cmd" : "NODE_CLUSTER" , "a" : [ { } , "]" ] , "ack" : 12 } `))
	f.Fuzz(func(t *testing.T, line []byte) {
		m := parse(line, true)
		keyOf(m)
		var want map[string]json.RawMessage
		if json.Unmarshal(line, &want) != nil {
			return
		}
		fields := openObject(line)
		got := map[string]string{}
		for {
			name, value, more := fields.next()
			if !more {
				break
			}
			if s, ok := text([]byte(`"` + string(name) + `"`)); ok {
				got[s] = string(value)
			}
		}
		if !fields.ok && want != nil {
			t.Fatalf("%q is an object, and was not read as one", line)
		}
		for name, value := range want {
			if strings.ToValidUTF8(name, "�") != name {
				continue
			}
			if got[name] != string(value) {
				if _, there := got[name]; !there && strings.Contains(name, "�") {
					continue // what is no UTF-8, encoding/json mends
				}
				t.Fatalf("%q: %q is %s, want %s", line, name, got[name], value)
			}
			var s string
			if json.Unmarshal(value, &s) == nil && value[0] == '"' {
				if mine, ok := text(value); !ok || strings.ToValidUTF8(mine, "�") != s && !strings.Contains(s, "�") {
					t.Fatalf("%s is %q, want %q", value, mine, s)
				}
			}
		}
	})
}
