package logs

// appendPrefixed appends a line with its worker's name in front, and a newline. The names form a column.
func (c *Console) appendPrefixed(dst []byte, s *stream, line []byte) []byte {
	if c.options.Colour {
		dst = append(dst, '\x1b', '[', '3', colour(s.worker.App), 'm')
	}
	dst = append(dst, s.name...)
	for i := len(s.name); i < int(c.width.Load()); i++ {
		dst = append(dst, ' ')
	}
	dst = append(dst, " |"...)
	if c.options.Colour {
		dst = append(dst, "\x1b[0m"...)
	}
	dst = append(dst, ' ')
	dst = append(dst, line...)
	return append(dst, '\n')
}

// colour is one of a terminal's, as a digit: neither black nor white, which one cannot tell from the background, nor
// red, which means an error.
func colour(app string) byte {
	hash := uint32(2166136261) // FNV-1a
	for i := range len(app) {
		hash = (hash ^ uint32(app[i])) * 16777619
	}
	return '2' + byte(hash%5)
}
