// The shape of a capabilities document: what the owner wrote wrongly is not announced.
package main

import (
	"encoding/json"
	"log"
	"regexp"
	"slices"
)

var (
	offeredMemory  = regexp.MustCompile(`^[0-9]+ ?(Ki|Mi|Gi)$`)
	offeredStorage = regexp.MustCompile(`^[0-9]+ ?(Ki|Mi|Gi|Ti|Pi|Ei)$`)
	closedLists    = map[string][]any{
		"peripherals": {"gpu", "display", "camera", "microphone", "speaker"},
		"interfaces":  {"ethernet", "wifi", "cellular", "bluetooth", "usb", "canbus", "rs232"},
	}
)

// checkOffer returns the id of the device.
func checkOffer(s *shape, root map[string]any) string {
	s.closed(root, "capabilities", "properties", "labels")
	properties := s.object(root["properties"], "properties")
	device := s.text(properties["id"], "id", deviceShape)
	if hasDots(device) {
		s.wrong("id", "climbs up")
	}
	for _, name := range []string{"vendor", "modelNumber", "serialNumber"} {
		s.text(properties[name], name, anyText)
	}
	optional(properties, "memory", func(v any) { s.text(v, "memory", offeredMemory) })
	optional(properties, "storage", func(v any) { s.text(v, "storage", offeredStorage) })
	optional(properties, "cpus", func(v any) {
		for _, cpu := range s.list(v, "cpus", 0) {
			checkOfferedProcessor(s, s.object(cpu, "cpus"))
		}
	})
	for name, allowed := range closedLists {
		optional(properties, name, func(v any) { checkOfferedParts(s, v, name, allowed) })
	}
	optional(properties, "otelCollector", func(v any) { s.truth(v, "otelCollector") })
	for _, name := range []string{"supportedRuntimes", "supportedDeploymentTypes"} {
		optional(properties, name, func(v any) {
			for _, one := range s.list(v, name, 1) {
				s.text(one, name, someText)
			}
		})
	}
	optional(root, "labels", func(v any) {
		for name, label := range s.object(v, "labels") {
			checkLabel(s, name, label)
		}
	})
	return device
}

func checkOfferedProcessor(s *shape, cpu map[string]any) {
	if cores, ok := number(cpu["cores"]); !ok || cores <= 0 {
		s.wrong("cpus", "have no number of cores above 0")
	}
	optional(cpu, "architecture", func(v any) {
		if !slices.Contains([]any{"amd64", "arm64", "arm"}, v) {
			s.wrong("cpus", "have an unknown architecture")
		}
	})
}

func checkOfferedParts(s *shape, v any, name string, allowed []any) {
	for _, item := range s.list(v, name, 0) {
		one := s.object(item, name)
		if kind, _ := one["type"].(string); !slices.Contains(allowed, any(kind)) {
			s.wrong(name, "have an unknown type")
		}
		if name == "peripherals" {
			optional(one, "manufacturer", func(v any) { s.text(v, name, anyText) })
			optional(one, "model", func(v any) { s.text(v, name, anyText) })
		}
	}
}

func checkLabel(s *shape, name string, v any) {
	list, isList := v.([]any)
	texts, numbers := 0, 0
	for _, item := range list {
		switch item.(type) {
		case string:
			texts++
		case json.Number:
			numbers++
		}
	}
	if !isScalar(v) && (!isList || texts != len(list) && numbers != len(list)) {
		s.wrong("labels/"+name, "is no value of a label")
	}
}

func warnAboutGaps(properties map[string]any) {
	if _, hosts := properties["supportedDeploymentTypes"]; !hosts {
		return
	}
	for _, name := range []string{"cpus", "memory", "storage", "peripherals", "interfaces", "otelCollector", "supportedRuntimes"} {
		if _, there := properties[name]; !there {
			log.Printf("the capabilities of a device that runs workloads lack %s", name)
		}
	}
}
