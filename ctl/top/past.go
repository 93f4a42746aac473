package top

// past is a log that one has scrolled back in, as it was then: what is read stays where it is, however much comes meanwhile,
// and however soon the tail has no more of it.
type past struct {
	lines []string
	n     int // how many had come by then: the last of lines is the nth
	end   int // so many of lines are above the pane's foot
}

// scroll goes so many lines back, or forth by less than 0. Where p, or what is returned, is nil, the newest are shown.
func (p *past) scroll(t *tail, by, height int) *past {
	if p != nil {
		if next := p.at(p.end-by, height); next != nil {
			return next
		}
	}
	now := &past{}
	now.lines, now.n = t.still()
	now.end = len(now.lines)
	if p != nil { // on to what has come since
		if now.end -= now.n - p.foot(); now.end < height { // much of which is not there any more
			return nil
		}
	}
	return now.at(now.end-by, height)
}

// at has another line at the pane's foot; nil: that would be the last.
func (p *past) at(end, height int) *past {
	next := *p
	if next.end = max(end, min(height, len(p.lines))); next.end >= len(p.lines) {
		return nil
	}
	return &next
}

// foot is the number of the line at the pane's foot, of all that ever came.
func (p *past) foot() int { return p.n - len(p.lines) + p.end }

// shown are the lines in a pane of that height.
func (p *past) shown(height int) []string {
	end := max(p.end, min(height, len(p.lines))) // the pane may have grown
	return p.lines[max(0, end-height):end]
}
