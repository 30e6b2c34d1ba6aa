package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// mostBytes is how large a body may be, as it was sent and inflated.
const mostBytes = 32 << 20

// refusal is why a request goes no further.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	tooDeep  = &refusal{http.StatusBadRequest, "The JSON of the request nests deeper than 100 levels."}
	tooLarge = &refusal{http.StatusRequestEntityTooLarge, "The request is larger than 32 MiB. Send fewer rows at a time."}
	// The words of nginx.conf, which says so when the guard itself is not there.
	unavailable = &refusal{http.StatusServiceUnavailable, "No version is served yet, or it did not answer in time. Try again."}
	crowded     = &refusal{http.StatusServiceUnavailable, "Too many large requests at once. Try again, or send fewer rows at a time."}
	notGzip     = &refusal{http.StatusBadRequest, "The request says that it is gzip, and cannot be inflated."}
	cutShort    = &refusal{http.StatusBadRequest, "The request ended before its length."}
	gzipMark    = []byte{0x1f, 0x8b}
)

// readBody reads the body of a request to its end, and checks what TensorFlow Serving will parse.
func readBody(writer http.ResponseWriter, request *http.Request) ([]byte, error) {
	var held bytes.Buffer
	if request.ContentLength > 0 && request.ContentLength <= mostBytes {
		held.Grow(int(request.ContentLength) + bytes.MinRead) // at once, or growing would take it twice over
	}
	_, err := held.ReadFrom(http.MaxBytesReader(writer, request.Body, mostBytes))
	body := held.Bytes()
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, tooLarge
		}
		return nil, cutShort
	}
	return body, check(body, saysGzip(request.Header))
}

// saysGzip tells whether a server might inflate the body. In doubt it is checked both ways.
func saysGzip(header http.Header) bool {
	return strings.Contains(strings.ToLower(strings.Join(header.Values("Content-Encoding"), ",")), "gzip")
}

func check(body []byte, inflated bool) error {
	if inflated {
		if err := checkInflated(body); err != nil {
			return err
		}
	}
	if inflated && bytes.HasPrefix(body, gzipMark) {
		return nil // as it stands it is no JSON from its first byte
	}
	counter := depthCounter{}
	counter.Write(body)
	if counter.isTooDeep() {
		return tooDeep
	}
	return nil
}

func checkInflated(body []byte) error {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return notGzip
	}
	counter := depthCounter{}
	size, err := io.Copy(&counter, io.LimitReader(reader, mostBytes+1))
	switch {
	case counter.isTooDeep():
		return tooDeep
	case size > mostBytes:
		return tooLarge
	case err != nil:
		return notGzip
	}
	return nil
}
