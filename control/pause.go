package control

func pause(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Pause{o} })
}
