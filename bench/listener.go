package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"goinit/integration/serve"
)

// listenerWord, as the first argument, makes the bench a server in Go on descriptor 3.
const listenerWord = "listener"

func listener() error {
	l, err := net.FileListener(os.NewFile(3, "listen"))
	if err != nil {
		return err
	}
	serve.Start(func(r *http.Request) string {
		if r.URL.Path == "/slow" {
			time.Sleep(200 * time.Millisecond)
		}
		return fmt.Sprint(os.Getpid())
	}, l).Wait()
	return nil
}
