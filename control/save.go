package control

// SaveReply says where the apps that commands have added are kept for the next start.
type SaveReply struct {
	Path string `json:"path"` // empty: there are none
}

func save(c *call, _ struct{}) (SaveReply, error) {
	result, err := c.do(0, Save{})
	return SaveReply{result.Path}, err
}
