package main

import (
	"context"
	"net/http"
	"sync"
)

// mostHeld is how many bytes of bodies are held at once, from the first byte that is read to the answer.
const mostHeld = 4 * mostBytes

// bodies counts the bytes of the bodies that are held, and lets a request wait until there is room for its own.
type bodies struct {
	lock  sync.Mutex
	free  int64
	freed chan struct{} // closed, and made anew, whenever bytes are given back
}

func newBodies(most int64) *bodies {
	return &bodies{free: most, freed: make(chan struct{})}
}

// take waits for room for so many bytes; false when the context ended before.
func (b *bodies) take(waiting context.Context, size int64) bool {
	for {
		b.lock.Lock()
		if size <= b.free {
			b.free -= size
			b.lock.Unlock()
			return true
		}
		freed := b.freed
		b.lock.Unlock()
		select {
		case <-freed:
		case <-waiting.Done():
			return false
		}
	}
}

func (b *bodies) giveBack(size int64) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.free += size
	close(b.freed)
	b.freed = make(chan struct{})
}

// weight is how many bytes a request counts for: its length, and the most where that is unknown or more, or where the
// server behind inflates it. A body that is longer than the most is refused before more of it is held.
func weight(request *http.Request) int64 {
	if request.ContentLength < 0 || request.ContentLength > mostBytes || saysGzip(request.Header) {
		return mostBytes
	}
	return request.ContentLength
}
