// What a device must offer: the shape of deviceConstraints, and whether capabilities fulfil them.
package main

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	memoryShape  = regexp.MustCompile(`^[0-9]+(Ki|Mi|Gi)$`)
	storageShape = regexp.MustCompile(`^[0-9]+(Ki|Mi|Gi|Ti|Pi|Ei)$`)
)

func checkConstraints(s *shape, m map[string]any) {
	optional(m, "capacityRequirements", func(v any) {
		capacity := s.object(v, "capacityRequirements")
		optional(capacity, "memory", func(v any) { s.text(v, "memory", memoryShape) })
		optional(capacity, "storage", func(v any) { s.text(v, "storage", storageShape) })
		optional(capacity, "cpu", func(v any) { checkProcessor(s, s.object(v, "cpu")) })
	})
	optional(m, "eligibilityRules", func(v any) {
		for _, item := range s.list(v, "eligibilityRules", 0) {
			rule := s.object(item, "rule")
			if len(rule) == 0 {
				s.wrong("rule", "is empty")
			}
			for _, name := range []string{"propertySelector", "labelSelector"} {
				optional(rule, name, func(v any) { checkSelector(s, v) })
			}
		}
	})
}

func checkProcessor(s *shape, cpu map[string]any) {
	if cores, ok := number(cpu["cores"]); !ok || cores <= 0 {
		s.wrong("cores", "is no number above 0")
	}
	optional(cpu, "architectures", func(v any) {
		for _, one := range s.list(v, "architectures", 1) {
			if !slices.Contains([]any{"amd64", "arm64", "arm", "riscv64", "other"}, one) {
				s.wrong("architectures", "hold an unknown value")
			}
		}
	})
}

func checkSelector(s *shape, v any) {
	selector := s.object(v, "selector")
	for _, item := range s.list(selector["matchExpressions"], "matchExpressions", 1) {
		expression := s.object(item, "expression")
		s.text(expression["key"], "key", someText)
		s.text(expression["operator"], "operator", someText)
		optional(expression, "values", func(v any) {
			if slices.ContainsFunc(s.list(v, "values", 1), func(v any) bool { return !isScalar(v) }) {
				s.wrong("values", "hold something that is no scalar")
			}
		})
		optional(expression, "itemSelector", func(v any) { checkSelector(s, v) })
	}
}

// fulfils takes a kind of constraint that it does not know for one that is not met.
func fulfils(capabilities, constraints map[string]any) bool {
	properties, _ := capabilities["properties"].(map[string]any)
	for kind, v := range constraints {
		switch kind {
		case "capacityRequirements":
			if !hasCapacity(properties, v.(map[string]any)) {
				return false
			}
		case "eligibilityRules":
			rules := v.([]any)
			holds := func(rule any) bool { return ruleHolds(capabilities, rule.(map[string]any)) }
			if len(rules) > 0 && !slices.ContainsFunc(rules, holds) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func hasCapacity(properties, wanted map[string]any) bool {
	for kind, v := range wanted {
		switch kind {
		case "cpu":
			if !hasProcessor(properties, v.(map[string]any)) {
				return false
			}
		case "memory", "storage":
			if offered, ok := properties[kind].(string); !ok || bytesOf(offered).Cmp(bytesOf(v.(string))) < 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func hasProcessor(properties, wanted map[string]any) bool {
	cpus, _ := properties["cpus"].([]any)
	cores, _ := number(wanted["cores"])
	architectures, limited := wanted["architectures"].([]any)
	return slices.ContainsFunc(cpus, func(v any) bool {
		cpu, _ := v.(map[string]any)
		offered, ok := number(cpu["cores"])
		return ok && offered >= cores && (!limited || slices.Contains(architectures, cpu["architecture"]))
	})
}

func bytesOf(size string) *big.Int {
	digits := strings.TrimRight(size, " KMGTPEi")
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return new(big.Int)
	}
	power := strings.Index("KMGTPE", strings.TrimSuffix(strings.TrimSpace(size[len(digits):]), "i")) + 1
	return n.Lsh(n, uint(10*power))
}

func ruleHolds(capabilities, rule map[string]any) bool {
	labels, _ := capabilities["labels"].(map[string]any)
	for kind, selector := range rule {
		var find func(string) (any, bool)
		switch kind {
		case "propertySelector":
			find = func(key string) (any, bool) { return at(capabilities["properties"], key) }
		case "labelSelector":
			find = func(key string) (any, bool) { v, there := labels[key]; return v, there }
		default:
			return false
		}
		if slices.ContainsFunc(expressions(selector), func(e any) bool { return !expressionHolds(find, e) }) {
			return false
		}
	}
	return true
}

func expressions(selector any) []any {
	m, _ := selector.(map[string]any)
	list, _ := m["matchExpressions"].([]any)
	return list
}

func expressionHolds(find func(string) (any, bool), v any) bool {
	e := v.(map[string]any)
	value, there := find(e["key"].(string))
	values, _ := e["values"].([]any)
	equal := func(v any) bool { return equalScalars(value, v) }
	switch e["operator"] {
	case "Exists":
		return there
	case "DoesNotExist":
		return !there
	case "In":
		return there && slices.ContainsFunc(values, equal)
	case "NotIn":
		return there && isScalar(value) && len(values) > 0 && !slices.ContainsFunc(values, equal)
	case "Gt", "Lt":
		return compares(e["operator"] == "Gt", value, values)
	case "ContainsAll", "ContainsAny":
		return contains(value, expressions(e["itemSelector"]), e["operator"] == "ContainsAll")
	}
	return false
}

func compares(greater bool, value any, values []any) bool {
	if len(values) != 1 {
		return false
	}
	left, ok := number(value)
	right, comparable := number(values[0])
	return ok && comparable && (greater && left > right || !greater && left < right)
}

func contains(value any, wanted []any, all bool) bool {
	items, _ := value.([]any)
	return slices.ContainsFunc(items, func(item any) bool {
		object, ok := item.(map[string]any)
		find := func(key string) (any, bool) { return at(object, key) }
		holds := func(e any) bool { return expressionHolds(find, e) }
		if all {
			return ok && len(wanted) > 0 && !slices.ContainsFunc(wanted, func(e any) bool { return !holds(e) })
		}
		return ok && slices.ContainsFunc(wanted, holds)
	})
}

// at follows a JSON pointer.
func at(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	for _, step := range strings.Split(pointer[1:], "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch inner := v.(type) {
		case map[string]any:
			next, there := inner[step]
			if !there {
				return nil, false
			}
			v = next
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(inner) || strconv.Itoa(n) != step {
				return nil, false
			}
			v = inner[n]
		default:
			return nil, false
		}
	}
	return v, true
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	f, err := n.Float64()
	return f, ok && err == nil
}

func equalScalars(a, b any) bool {
	left, isNumber := number(a)
	right, too := number(b)
	if isNumber && too {
		return left == right
	}
	return isScalar(a) && isScalar(b) && a == b
}
