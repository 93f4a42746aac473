package nodeipc

import "testing"

func TestText(t *testing.T) {
	s, ok := text([]byte(`"\u0000/tmp/x"`))
	if s != "\x00/tmp/x" || !ok {
		t.Errorf("%q %v", s, ok)
	}
	m := parse([]byte(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"\u0000/tmp/x","port":-1,"addressType":-1,"backlog":0,"seq":1}`), true)
	t.Logf("%+v", m)
}
