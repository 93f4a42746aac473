package gateway

import "time"

// BePatient has it wait for goinit however busy the machine is.
func (g *Gateway) BePatient() { g.patience, g.scrapePatience = time.Minute, time.Minute }
