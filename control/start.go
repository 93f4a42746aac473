package control

func start(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Start{o} })
}
