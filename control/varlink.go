package control

import (
	_ "embed"
	"runtime"
)

//go:embed io.goinit.varlink
var description string

//go:embed org.varlink.service.varlink
var serviceDescription string

type getInfoReply struct {
	Vendor     string   `json:"vendor"`
	Product    string   `json:"product"`
	Version    string   `json:"version"`
	URL        string   `json:"url"`
	Interfaces []string `json:"interfaces"`
}

func getInfo(c *call, _ struct{}) (getInfoReply, error) {
	return getInfoReply{
		Vendor: "goinit", Product: "goinit on " + runtime.GOOS + "/" + runtime.GOARCH,
		Version: c.server.supervisor.Snapshot().Info.Version,
		URL:     "file:///usr/share/doc/goinit/control-protocol.md", Interfaces: []string{"org.varlink.service", "io.goinit"},
	}, nil
}

type getInterfaceDescriptionRequest struct {
	Interface string `json:"interface"`
}

type getInterfaceDescriptionReply struct {
	Description string `json:"description"`
}

func getInterfaceDescription(_ *call, r getInterfaceDescriptionRequest) (getInterfaceDescriptionReply, error) {
	switch r.Interface {
	case "io.goinit":
		return getInterfaceDescriptionReply{description}, nil
	case "org.varlink.service":
		return getInterfaceDescriptionReply{serviceDescription}, nil
	}
	return getInterfaceDescriptionReply{}, &serviceError{
		name: "org.varlink.service.InterfaceNotFound", Interface: clip(r.Interface), Message: "there is no interface " + clip(r.Interface),
	}
}
