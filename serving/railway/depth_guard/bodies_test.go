package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// held is a guard with room for ten bytes, before a server that answers only when it is told to.
func held(t *testing.T, patience time.Duration) (door *httptest.Server, arrived chan string, answer chan struct{}) {
	arrived, answer = make(chan string, 8), make(chan struct{}, 8)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		arrived <- string(body)
		<-answer
	}))
	one := newGuard(strings.TrimPrefix(upstream.URL, "http://"))
	one.held, one.patience = newBodies(10), patience
	door = httptest.NewServer(one)
	t.Cleanup(func() { close(answer); door.Close(); upstream.Close() })
	return door, arrived, answer
}

func post(t *testing.T, url, body string) *http.Response {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	response.Body.Close()
	return response
}

func TestABodyWithoutRoomIsRefusedAndTellsWhenToComeAgain(t *testing.T) {
	door, arrived, answer := held(t, 50*time.Millisecond)
	first := make(chan *http.Response)
	go func() { first <- post(t, door.URL, "12345678") }()
	<-arrived
	refused := post(t, door.URL, "123")
	if refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") != "5" {
		t.Fatalf("%d, Retry-After %q", refused.StatusCode, refused.Header.Get("Retry-After"))
	}
	answer <- struct{}{}
	answer <- struct{}{}
	if small := post(t, door.URL, "12"); small.StatusCode != http.StatusOK {
		t.Fatalf("a body with room for it: %d", small.StatusCode)
	}
	if one := <-first; one.StatusCode != http.StatusOK {
		t.Fatalf("the body that was first: %d", one.StatusCode)
	}
}

func TestABodyWaitsForRoomAndArrivesWhole(t *testing.T) {
	door, arrived, answer := held(t, time.Minute)
	done := make(chan *http.Response, 3)
	for _, body := range []string{"12345678", "1234567", "123456"} {
		go func(body string) { done <- post(t, door.URL, body) }(body)
	}
	for range []int{1, 2, 3} {
		<-arrived
		select {
		case other := <-arrived:
			t.Fatalf("%q arrived while there was no room for it", other)
		case <-time.After(20 * time.Millisecond):
		}
		answer <- struct{}{}
		if response := <-done; response.StatusCode != http.StatusOK {
			t.Fatal(response.StatusCode)
		}
	}
}
