// One YAML 1.2 document with the values of JSON: the core schema, no aliases, no tags, no repeated keys.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const (
	maxNodes = 20000
	maxDepth = 128
)

var (
	decimalShape = regexp.MustCompile(`^[-+]?[0-9]+$`)
	prefixShape  = regexp.MustCompile(`^(0o[0-7]+|0x[0-9a-fA-F]+)$`)
	floatShape   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	unlimited    = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

func parseYAML(body []byte) (v any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the YAML reader gave up: %v", fault)
		}
	}()
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	var root, further yaml.Node
	if err := decoder.Decode(&root); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&further); err != io.EOF {
		return nil, errors.New("more than one document")
	}
	left := maxNodes
	return plainValue(root.Content[0], maxDepth, &left)
}

func plainValue(n *yaml.Node, depth int, left *int) (any, error) {
	if *left--; *left < 0 || depth == 0 {
		return nil, errors.New("too large or too deep")
	}
	if n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0 {
		return nil, fmt.Errorf("line %d: an alias or a tag", n.Line)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return plainList(n, depth, left)
	case yaml.MappingNode:
		return plainMapping(n, depth, left)
	}
	return plainScalar(n)
}

func plainList(n *yaml.Node, depth int, left *int) (any, error) {
	list := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		v, err := plainValue(item, depth-1, left)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func plainMapping(n *yaml.Node, depth int, left *int) (any, error) {
	mapping := make(map[string]any, len(n.Content)/2)
	for at := 0; at+1 < len(n.Content); at += 2 {
		k, err := plainValue(n.Content[at], depth-1, left)
		if err != nil {
			return nil, err
		}
		name, isText := k.(string)
		if _, again := mapping[name]; again || !isText {
			return nil, fmt.Errorf("line %d: a key that is repeated or no text", n.Content[at].Line)
		}
		if mapping[name], err = plainValue(n.Content[at+1], depth-1, left); err != nil {
			return nil, err
		}
	}
	return mapping, nil
}

func plainScalar(n *yaml.Node) (any, error) {
	text := n.Value
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Style&quoted != 0 {
		return text, nil
	}
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nil, nil
	case "true", "True", "TRUE":
		return true, nil
	case "false", "False", "FALSE":
		return false, nil
	}
	switch {
	case decimalShape.MatchString(text):
		return decimal(text), nil
	case prefixShape.MatchString(text):
		number, _ := new(big.Int).SetString(text, 0)
		return json.Number(number.String()), nil
	case floatShape.MatchString(text):
		number, err := strconv.ParseFloat(text, 64)
		return json.Number(strconv.FormatFloat(number, 'g', -1, 64)), err
	case unlimited.MatchString(text):
		return nil, fmt.Errorf("line %d: a number that JSON does not have", n.Line)
	}
	return text, nil
}

func decimal(text string) json.Number {
	digits := strings.TrimLeft(strings.TrimLeft(text, "+-"), "0")
	if digits == "" {
		return "0"
	}
	if strings.HasPrefix(text, "-") {
		digits = "-" + digits
	}
	return json.Number(digits)
}
