package control

func stop(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Stop{o} })
}
