package main

import "bytes"

// mostLevels is how deep the JSON of a request may nest. A tensor has a handful of dimensions, so nobody needs more.
const mostLevels = 100

// depthCounter counts how deep a JSON text nests, piece by piece.
//
// It knows strings and brackets and nothing else. RapidJSON, the parser behind it, stops at the first error, and up to
// there both agree on what is a string; so it never sees fewer levels than RapidJSON enters.
type depthCounter struct {
	level, deepest    int
	inString, escaped bool
}

// Write implements io.Writer; it never fails.
func (c *depthCounter) Write(text []byte) (int, error) {
	size := len(text)
	for len(text) > 0 {
		if c.inString {
			text = c.skipString(text)
			continue
		}
		switch text[0] {
		case '"':
			c.inString = true
		case '[', '{':
			c.level++
			if c.level > c.deepest {
				c.deepest = c.level
			}
		case ']', '}':
			c.level--
		}
		text = text[1:]
	}
	return size, nil
}

// skipString returns what follows the string that text begins in; nothing when the string goes on in the next piece.
func (c *depthCounter) skipString(text []byte) []byte {
	if c.escaped {
		c.escaped = false
		return text[1:]
	}
	end := bytes.IndexAny(text, `"\`)
	if end < 0 {
		return nil
	}
	c.escaped = text[end] == '\\'
	c.inString = c.escaped
	return text[end+1:]
}

func (c *depthCounter) isTooDeep() bool {
	return c.deepest > mostLevels
}
