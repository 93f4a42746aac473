package spec

import (
	"fmt"
	"strings"

	"goinit/cluster/address"
)

// GatewayApp is the app that the gateway is: goinit's own.
const GatewayApp = "goinit.gateway"

// DefaultGateway is where the gateway listens unless the spec says so.
const DefaultGateway = ":9180"

// IsOwnApp reports whether a name is that of an app of goinit's own: those have a dot, which ParseAppName takes from nobody.
func IsOwnApp(name string) bool { return strings.Contains(name, ".") }

// gateway reads gateway:, which is off when it is absent.
func (l *loader) gateway(f *fields) *Gateway {
	if _, there := f.get("gateway"); !there {
		return nil
	}
	o := f.object("gateway")
	g := &Gateway{Listen: value(o, "listen", DefaultGateway, ParseGatewayAddress)}
	if l.unknown(o, "listen") {
		g.Listen = "" // whatever it will be
	}
	o.end()
	return g
}

// ParseGatewayAddress reads where the gateway listens: who asks it, a kubelet or a Prometheus, does so over TCP.
func ParseGatewayAddress(s string) (string, error) {
	text, err := ParseListenAddress(s)
	if err != nil {
		return "", err
	}
	if a, err := address.Parse(text); err != nil || a.Network != address.TCP {
		return "", fmt.Errorf(`%q is not for the gateway, which is asked over TCP: write ":9180" or "127.0.0.1:9180"`, clip(s))
	}
	return text, nil
}
