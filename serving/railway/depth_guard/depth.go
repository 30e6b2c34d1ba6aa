package main

import "bytes"

// mostLevels is how deep the JSON of a request may nest. A tensor has a handful of dimensions, so nobody needs more.
const mostLevels = 100

// depthCounter counts how deep a JSON text nests, piece by piece.
//
// It knows strings and brackets and nothing else. RapidJSON, the parser behind it, stops at the first error, and up to
// there both agree on what is a string; so it never sees fewer levels than RapidJSON enters. Two things it takes more
// strictly than RapidJSON, which stops at both: a bracket that closes nothing takes no level away; and after a NUL byte,
// which JSON has only in UTF-16 and UTF-32, each opening bracket is a level, since there a quotation mark or a closing
// bracket may be half of another character.
type depthCounter struct {
	level, deepest    int
	inString, escaped bool
	hasNUL            bool
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
		case 0:
			c.hasNUL = true
		case '"':
			c.inString = !c.hasNUL
		case '[', '{':
			c.level++
			if c.level > c.deepest {
				c.deepest = c.level
			}
		case ']', '}':
			if c.level > 0 && !c.hasNUL {
				c.level--
			}
		}
		text = text[1:]
	}
	return size, nil
}

// skipString returns what follows the string that text begins in; nothing when the string goes on in the next piece.
func (c *depthCounter) skipString(text []byte) []byte {
	if c.escaped && text[0] != 0 {
		c.escaped = false
		return text[1:]
	}
	end := bytes.IndexAny(text, "\"\\\x00")
	if end < 0 {
		return nil
	}
	c.hasNUL = text[end] == 0
	c.escaped = text[end] == '\\'
	c.inString = c.escaped
	return text[end+1:]
}

func (c *depthCounter) isTooDeep() bool {
	return c.deepest > mostLevels
}
