// Reading of values that come from outside: exact member names, and the first thing that is wrong is kept.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	uuidShape      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	digestShape    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	deviceShape    = regexp.MustCompile(`^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$`)
	anyText        = regexp.MustCompile(`(?s)^.*$`)
	someText       = regexp.MustCompile(`(?s)^.+$`)
	extensionShape = regexp.MustCompile(`^x-[a-z][a-z0-9-]*-extensions$`)
)

// shape collects the first fault while values are taken apart.
type shape struct{ err error }

func (s *shape) wrong(at, format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("%s: %s", at, fmt.Sprintf(format, args...))
	}
}

func (s *shape) object(v any, at string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		s.wrong(at, "is no object")
	}
	return m
}

func (s *shape) list(v any, at string, least int) []any {
	l, ok := v.([]any)
	if !ok || len(l) < least {
		s.wrong(at, "is no list, or too short")
	}
	return l
}

func (s *shape) text(v any, at string, form *regexp.Regexp) string {
	t, ok := v.(string)
	if !ok || !form.MatchString(t) {
		s.wrong(at, "is not of the form %s", form)
	}
	return t
}

func (s *shape) truth(v any, at string) {
	if _, ok := v.(bool); !ok {
		s.wrong(at, "is no truth value")
	}
}

// optional calls check for a member that is there.
func optional(m map[string]any, name string, check func(any)) {
	if v, there := m[name]; there {
		check(v)
	}
}

// closed allows these members and extensions, and nothing else.
func (s *shape) closed(m map[string]any, at string, names ...string) {
	for name, v := range m {
		if slices.Contains(names, name) {
			continue
		}
		if _, isObject := v.(map[string]any); !isObject || !extensionShape.MatchString(name) {
			s.wrong(at, "has a member that is not allowed")
		}
	}
}

func hasDots(path string) bool { return slices.ContainsFunc(strings.Split(path, "/"), isDots) }

func isScalar(v any) bool {
	switch v.(type) {
	case string, bool, json.Number:
		return true
	}
	return false
}

func parseJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}
