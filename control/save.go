package control

// SaveReply says where what was added or changed by commands is kept for the next start.
type SaveReply struct {
	Path string `json:"path"`
}

func save(c *call, _ struct{}) (SaveReply, error) {
	result, err := c.do(0, Save{})
	return SaveReply{result.Path}, err
}
