package top

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"goinit/control"
)

// happening is what goes on with goinit itself and with whole apps, as the events tell: what is said above the table.
type happening struct {
	stopping string            // why everything ends
	reloads  map[string]string // by app: how far
}

func (h *happening) take(e *control.Event) {
	var data struct {
		Replaced, Workers int
		Reason            string
	}
	_ = json.Unmarshal(e.Data, &data)
	if h.reloads == nil {
		h.reloads = make(map[string]string)
	}
	switch e.Type {
	case "shutdown.started":
		h.stopping = data.Reason
	case "goinit.running":
		h.stopping = ""
	case "reload.started":
		h.reloads[e.App] = fmt.Sprintf("0 of %d", data.Workers)
	case "reload.progress":
		h.reloads[e.App] = fmt.Sprintf("%d of %d", data.Replaced, data.Workers)
	case "reload.finished", "reload.failed", "app.removed":
		delete(h.reloads, e.App)
	}
}

// text is empty where nothing goes on.
func (h *happening) text(state string) string {
	var parts []string
	if state == "stopping" {
		parts = append(parts, "goinit is stopping everything"+because(h.stopping))
	}
	var apps []string
	for app := range h.reloads {
		apps = append(apps, app)
	}
	slices.Sort(apps)
	for _, app := range apps {
		parts = append(parts, fmt.Sprintf("reload of %s: %s replaced", app, h.reloads[app]))
	}
	return strings.Join(parts, "; ")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
