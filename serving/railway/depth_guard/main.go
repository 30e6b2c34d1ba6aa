// Command depth_guard stands between nginx and TensorFlow Serving, whose JSON parser calls itself for each bracket: some
// thousands of them, 60 kB without a token, would end its process. A request that nests deeper than 100 levels ends here.
//
//	depth_guard LISTEN UPSTREAM      depth_guard 127.0.0.1:18502 127.0.0.1:18501
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

const (
	patienceSeconds  = 10 * time.Second // for the bodies of others to go
	memoryBytes      = 256 << 20        // from here on the garbage collector hurries
	headerSeconds    = 20 * time.Second
	bodySeconds      = 60 * time.Second // nginx sends only what it has received whole
	answerSeconds    = 35 * time.Second // longer than --rest_api_timeout_in_ms
	shutdownSeconds  = 10 * time.Second
	idleConnections  = 32
	connectionExpiry = 90 * time.Second
)

// guard checks requests and passes them on. Only so many bytes of bodies are in memory at once; others wait for room.
type guard struct {
	upstream http.Handler
	held     *bodies
	patience time.Duration
}

func newGuard(upstream string) *guard {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	proxy.Transport = &http.Transport{
		DisableCompression:    true,
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       connectionExpiry,
		ResponseHeaderTimeout: answerSeconds,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
	proxy.ErrorHandler = func(writer http.ResponseWriter, _ *http.Request, _ error) {
		refuse(writer, unavailable)
	}
	return &guard{proxy, newBodies(mostHeld), patienceSeconds}
}

func (g *guard) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.ContentLength != 0 {
		size := weight(request)
		waiting, cancel := context.WithTimeout(request.Context(), g.patience)
		hasRoom := g.held.take(waiting, size)
		cancel()
		if !hasRoom {
			refuse(writer, crowded)
			return
		}
		defer g.held.giveBack(size)
		body, err := readBody(writer, request)
		if err != nil {
			refuse(writer, err)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.ContentLength = int64(len(body))
		request.TransferEncoding = nil
		request.Trailer = nil // a trailer could still say that the body is gzip
	}
	g.upstream.ServeHTTP(writer, request)
}

func refuse(writer http.ResponseWriter, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{http.StatusInternalServerError, "The request could not be read."}
	}
	body, _ := json.Marshal(map[string]string{"error": why.text})
	if why.status == http.StatusServiceUnavailable {
		writer.Header().Set("Retry-After", "5")
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(why.status)
	writer.Write(append(body, '\n'))
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: depth_guard LISTEN UPSTREAM")
	}
	debug.SetMemoryLimit(memoryBytes)
	server := &http.Server{
		Addr:              os.Args[1],
		Handler:           newGuard(os.Args[2]),
		ReadHeaderTimeout: headerSeconds,
		ReadTimeout:       bodySeconds,
		IdleTimeout:       connectionExpiry, // longer than nginx keeps a connection, so that it is nginx who hangs up
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM, os.Interrupt)
		<-told
		deadline, cancel := context.WithTimeout(context.Background(), shutdownSeconds)
		defer cancel()
		server.Shutdown(deadline)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatalf("depth_guard: %v", err)
	}
	<-stopped
}
