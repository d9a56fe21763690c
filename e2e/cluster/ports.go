package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// given holds the ports that this process has handed out; the nodes of parallel tests must not share one.
var given = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// FreeAddress returns a loopback address that nobody listens on and that no other call of this process returned.
func FreeAddress() (string, error) {
	given.Lock()
	defer given.Unlock()
	for range portTries {
		port := minPort + rand.IntN(maxPort-minPort)
		if given.ports[port] {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		given.ports[port] = true
		return addr, nil
	}
	return "", fmt.Errorf("no free port between %d and %d in %d tries", minPort, maxPort, portTries)
}
