package control

func reload(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Reload{o} })
}
