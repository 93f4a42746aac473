package control

func restart(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Restart{o} })
}
