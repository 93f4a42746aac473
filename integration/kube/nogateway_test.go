package kube

import (
	"strings"
	"testing"
)

// withoutGateway is temporary.
func withoutGateway(t *testing.T, pod object, spec string) string {
	c := at(t, pod, "spec", "containers", "0")
	for probe, arg := range map[string]string{"startupProbe": "--ready", "livenessProbe": "--live"} {
		p := at(t, c, probe)
		delete(p, "httpGet")
		p["exec"] = object{"command": []string{"goinit", "ctl", "health", arg}}
	}
	return strings.Replace(spec, "gateway:", "x-gateway:", 1)
}
