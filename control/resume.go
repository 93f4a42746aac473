package control

func resume(c *call, r OrderRequest) (OrderReply, error) {
	return order(c, r, func(o Order) Command { return Resume{o} })
}
