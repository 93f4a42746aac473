package nodeipc

import (
	"bytes"
	"strconv"
	"strings"
)

// kind is what a line of a worker's is to us.
type kind uint8

const (
	other        kind = iota // nothing that we know
	ready                    // process.send('ready'), PM2's and Node's own habit
	suicide                  // process.send({act: 'suicide'}): replace me
	clusterSays              // of module cluster
	handle                   // comes with a descriptor, and waits for its acknowledgement
	handleTaken              // NODE_HANDLE_ACK: the oldest descriptor of ours has arrived
	handleLost               // NODE_HANDLE_NACK: it has not; the worker has no descriptor left
	otherDialect             // of Bun: 0x02 before a message of its own
	loads                    // which files it has loaded: data is the line
)

// message is a line of a worker's that we understand: which fields there are depends on act.
type message struct {
	kind     kind
	act      string
	seq      int
	ack      int
	isAnswer bool // ack was there
	accepted bool

	key         string
	address     string
	hasAddress  bool
	addressType addressType
	port        int
	fd          int // -1: none
	index       int
	flags       int
	backlog     int
	readableAll bool
	writableAll bool
	data        []byte // as it is written; valid as long as the line
}

// addressType is what a server of Node's listens on.
type addressType uint8

const (
	noType addressType = iota // null: on a descriptor
	ip4
	ip6
	pipe
	udp4
	udp6
)

var (
	ackLine    = []byte(`{"cmd":"NODE_HANDLE_ACK"}`)
	handleLine = []byte(`{"cmd":"NODE_HANDLE",`)
	loadsLine  = []byte(`{"watch:`) // of node's loaders, if WATCH_REPORT_DEPENDENCIES is set
)

// parse reads a line. Of one that is not whole it only says whether it came with a descriptor.
func parse(line []byte, whole bool) message {
	switch {
	case len(line) > 0 && line[0] == 0x02:
		return message{kind: otherDialect}
	case !whole:
		if bytes.HasPrefix(line, handleLine) {
			return message{kind: handle}
		}
		return message{}
	case bytes.Equal(line, ackLine):
		return message{kind: handleTaken}
	case string(trimSpace(line)) == `"ready"`:
		return message{kind: ready}
	case bytes.HasPrefix(line, loadsLine):
		return message{kind: loads, data: line}
	}
	m := message{fd: -1}
	var cmd string
	fields := openObject(line)
	for {
		name, value, more := fields.next()
		if !more {
			break
		}
		if string(name) == "cmd" {
			cmd, _ = text(value)
		} else {
			m.field(string(name), value)
		}
	}
	switch {
	case !fields.ok:
		return message{}
	case cmd == "NODE_CLUSTER":
		m.kind = clusterSays
	case cmd == "NODE_HANDLE":
		return message{kind: handle}
	case cmd == "NODE_HANDLE_ACK":
		return message{kind: handleTaken}
	case cmd == "NODE_HANDLE_NACK":
		return message{kind: handleLost}
	case strings.HasPrefix(cmd, "NODE_") && len(cmd) > len("NODE_"):
		return message{} // internal, and none of the primary's
	case m.act == "suicide":
		return message{kind: suicide}
	default:
		return message{}
	}
	return m
}

// field reads a member of a message of module cluster. A value that is not what it should be is as if it were not there.
func (m *message) field(name string, value []byte) {
	switch name {
	case "act":
		m.act, _ = text(value)
	case "seq":
		m.seq, _ = integer(value)
	case "ack":
		m.ack, m.isAnswer = integer(value)
	case "accepted":
		m.accepted = string(value) == "true"
	case "key":
		m.key, _ = text(value)
	case "address":
		m.address, m.hasAddress = text(value)
	case "addressType":
		m.addressType = addressTypeOf(string(value))
	case "port":
		m.port, _ = integer(value)
	case "fd":
		if n, ok := integer(value); ok {
			m.fd = n
		}
	case "index":
		m.index, _ = integer(value)
	case "flags":
		m.flags, _ = integer(value)
	case "backlog":
		m.backlog, _ = integer(value)
	case "readableAll":
		m.readableAll = string(value) == "true"
	case "writableAll":
		m.writableAll = string(value) == "true"
	case "data":
		m.data = value
	}
}

func addressTypeOf(value string) addressType {
	switch value {
	case "4":
		return ip4
	case "6":
		return ip6
	case "-1":
		return pipe
	case `"udp4"`:
		return udp4
	case `"udp6"`:
		return udp6
	}
	return noType
}

// What the primary says. Every message has a number of its own.

var (
	shutdownLine = []byte("\"shutdown\"\n") // pm2's message, for programs that wait for it
	ackedLine    = []byte("{\"cmd\":\"NODE_HANDLE_ACK\"}\n")
)

// envelope begins a message of module cluster; end it with ending.
func envelope(b []byte) []byte { return append(b, `{"cmd":"NODE_CLUSTER"`...) }

func ending(b []byte, seq int) []byte {
	b = append(b, `,"seq":`...)
	return append(strconv.AppendInt(b, int64(seq), 10), '}')
}

func number(b []byte, name string, n int) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, int64(n), 10)
}

func appendKey(b []byte, key string) []byte {
	b = append(b, `,"key":`...)
	return appendText(b, key)
}

// newConnection goes with a connection. nativeKind is Deno's, as in withHandle.
func newConnection(b []byte, key, nativeKind string, seq int) []byte {
	return withHandle(b, "net.Native", nativeKind, false, func(b []byte) []byte {
		b = append(envelope(b), `,"act":"newconn"`...)
		return ending(appendKey(b, key), seq)
	})
}

// withHandle is the line that a descriptor travels with. Node reads what it is from the descriptor; Deno wants to be told
// (socketType 1 is a listening socket), and Node does not look at that.
func withHandle(b []byte, class, nativeKind string, listening bool, msg func([]byte) []byte) []byte {
	b = append(b, `{"cmd":"NODE_HANDLE","type":"`...)
	b = append(b, class...)
	b = append(b, '"')
	if nativeKind != "" {
		b = append(b, `,"nativeKind":"`...)
		b = append(b, nativeKind...)
		if listening {
			b = append(b, `","socketType":1`...)
		} else {
			b = append(b, `","socketType":0`...)
		}
	}
	b = append(b, `,"msg":`...)
	return append(msg(b), '}', '\n')
}
