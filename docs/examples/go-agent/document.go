// The document of one deployment: its shape, and the workloads that it asks for.
package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	placeShape      = regexp.MustCompile(`^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*(/\*)?$`)
	applicationForm = regexp.MustCompile(`^[-a-z0-9]{1,200}$`)
	componentShape  = regexp.MustCompile(`^[a-z0-9-]+$`)
	repositoryShape = regexp.MustCompile(`^oci://.+`)
	revisionShape   = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(_[0-9A-Za-z.-]+)?$`)
	timeoutShape    = regexp.MustCompile(`^[0-9]+m[0-9]+s$`)
	variableShape   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	valuePathShape  = regexp.MustCompile(`^[^.]+(\.[^.]+)*$`)
)

type document struct {
	ID, Name, Device, Type string
	Components             []component
	Constraints            map[string]any
	parameters             []parameter
}

type component struct{ Name, Repository, Revision string }

// parameter is one value at one place of some components.
type parameter struct {
	pointer    string
	components []string
	value      any
}

func readDocument(body []byte) (document, error) {
	v, err := parseYAML(body)
	if err != nil {
		return document{}, err
	}
	var s shape
	var d document
	root := s.object(v, "document")
	d.ID = s.text(root["id"], "id", uuidShape)
	metadata := s.object(root["metadata"], "metadata")
	d.Name = s.text(metadata["name"], "name", someText)
	s.text(metadata["namespace"], "namespace", someText)
	if d.Device = s.text(metadata["deviceId"], "deviceId", placeShape); hasDots(d.Device) {
		s.wrong("deviceId", "climbs up")
	}
	optional(metadata, "labels", func(v any) {
		for name, label := range s.object(v, "labels") {
			s.text(label, "labels/"+name, anyText)
		}
	})
	d.readSpec(&s, s.object(root["spec"], "spec"))
	return d, s.err
}

func (d *document) readSpec(s *shape, spec map[string]any) {
	s.closed(spec, "spec", "applicationId", "deploymentProfile", "parameters")
	s.text(spec["applicationId"], "applicationId", applicationForm)
	profile := s.object(spec["deploymentProfile"], "profile")
	s.closed(profile, "profile", "type", "components", "deviceConstraints")
	if d.Type, _ = profile["type"].(string); !slices.Contains([]string{"helm", "compose", "custom"}, d.Type) {
		s.wrong("type", "is unknown")
	}
	for _, item := range s.list(profile["components"], "components", 1) {
		d.readComponent(s, s.object(item, "component"))
	}
	optional(profile, "deviceConstraints", func(v any) {
		d.Constraints = s.object(v, "deviceConstraints")
		checkConstraints(s, d.Constraints)
	})
	optional(spec, "parameters", func(v any) {
		all := s.object(v, "parameters")
		for _, name := range slices.Sorted(maps.Keys(all)) { // the last name counts
			d.readParameter(s, s.object(all[name], "parameters/"+name))
		}
	})
}

func (d *document) readComponent(s *shape, m map[string]any) {
	s.closed(m, "component", "name", "properties")
	p := s.object(m["properties"], "properties")
	c := component{
		s.text(m["name"], "component name", componentShape),
		s.text(p["repository"], "repository", repositoryShape),
		s.text(p["revision"], "revision", revisionShape),
	}
	optional(p, "wait", func(v any) { s.truth(v, "wait") })
	optional(p, "timeout", func(v any) { s.text(v, "timeout", timeoutShape) })
	if slices.ContainsFunc(d.Components, func(other component) bool { return other.Name == c.Name }) {
		s.wrong("components", "have one name twice")
	}
	d.Components = append(d.Components, c)
}

func (d *document) readParameter(s *shape, m map[string]any) {
	value, there := m["value"]
	list, isList := value.([]any)
	if !there || !isScalar(value) && !isList || slices.ContainsFunc(list, func(v any) bool { return !isScalar(v) }) {
		s.wrong("parameter", "has no value that can be set")
	}
	for _, item := range s.list(m["targets"], "targets", 1) {
		target := s.object(item, "target")
		for name := range target {
			if name != "pointer" && name != "components" {
				s.wrong("target", "has a member that is not allowed")
			}
		}
		p := parameter{pointer: s.text(target["pointer"], "pointer", someText), value: value}
		for _, name := range s.list(target["components"], "target components", 1) {
			p.components = append(p.components, s.text(name, "target component", anyText))
		}
		d.parameters = append(d.parameters, p)
	}
}

// workload is what the runtime is to run for a component.
func (d *document) workload(c component) (workload, *fault) {
	w := workload{strings.ToLower(d.ID), c.Name, d.Type, c.Repository, c.Revision, map[string]any{}}
	for _, p := range d.parameters {
		if !slices.Contains(p.components, c.Name) {
			continue
		}
		if !pointerFits(d.Type, p.pointer) {
			return w, &fault{"parameter-unusable", c.Name, "a target of a parameter is no place of this type"}
		}
		w.Parameters[p.pointer] = p.value
	}
	return w, nil
}

func pointerFits(kind, pointer string) bool {
	switch kind {
	case "compose":
		return variableShape.MatchString(pointer)
	case "helm":
		return valuePathShape.MatchString(pointer)
	}
	return true
}

// unfit says why this device does not run the document, from the capabilities that it announced.
func (d *document) unfit(capabilities map[string]any) *fault {
	properties, _ := capabilities["properties"].(map[string]any)
	if d.Device != properties["id"] {
		return &fault{"document-invalid", d.Name, "the deployment is meant for another device"}
	}
	if types, _ := properties["supportedDeploymentTypes"].([]any); !slices.Contains(types, any(d.Type)) {
		return &fault{"unlisted-type", d.Name, fmt.Sprintf("this device does not offer %s", d.Type)}
	}
	if !fulfils(capabilities, d.Constraints) {
		return &fault{"constraint-unmet", d.Name, "this device does not fulfil the constraints"}
	}
	return nil
}
