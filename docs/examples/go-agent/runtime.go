// A runtime that only pretends: one file per running component; hosts below .invalid have nothing to retrieve.
package main

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

type workload struct {
	DeploymentID string         `json:"deploymentId"`
	Component    string         `json:"component"`
	Type         string         `json:"type"`
	Repository   string         `json:"repository"`
	Revision     string         `json:"revision"`
	Parameters   map[string]any `json:"parameters"`
}

type runtime struct{ folder string }

func openRuntime(state string) (runtime, error) {
	r := runtime{filepath.Join(state, "workloads")}
	return r, os.MkdirAll(r.folder, 0o700)
}

func (r runtime) file(deployment, component string) string {
	return filepath.Join(r.folder, key(deployment)+"."+component+".json")
}

// start leaves alone what runs already as it should.
func (r runtime) start(w workload) *fault {
	where, err := url.Parse(w.Repository)
	if err != nil || strings.HasSuffix("."+strings.TrimRight(strings.ToLower(where.Hostname()), "."), ".invalid") {
		return &fault{"artifact-unavailable", w.Component, "the registry does not answer"}
	}
	if r.runs(w) {
		return nil
	}
	text, err := json.Marshal(w)
	if err == nil {
		err = writeDurably(r.file(w.DeploymentID, w.Component), text)
	}
	if err != nil {
		return &fault{"start-failed", w.Component, "the runtime has refused the component"}
	}
	return nil
}

func (r runtime) runs(w workload) bool {
	text, err := os.ReadFile(r.file(w.DeploymentID, w.Component))
	wanted, _ := json.Marshal(w)
	return err == nil && string(text) == string(wanted)
}

// list maps the ids of deployments to the components of them that run.
func (r runtime) list() map[string][]string {
	running := map[string][]string{}
	files, _ := filepath.Glob(filepath.Join(r.folder, "*.json"))
	for _, file := range files {
		id, component, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		running[id] = append(running[id], component)
	}
	return running
}

// keepOnly removes every component of a deployment but these.
func (r runtime) keepOnly(deployment string, wanted ...component) error {
	names := map[string]bool{}
	for _, c := range wanted {
		names[c.Name] = true
	}
	for _, name := range r.list()[key(deployment)] {
		if !names[name] {
			if err := removeDurably(r.file(deployment, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// workloads is what really runs, for whoever asks from outside.
func (r runtime) workloads() []json.RawMessage {
	all := []json.RawMessage{}
	files, _ := filepath.Glob(filepath.Join(r.folder, "*.json"))
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			all = append(all, text)
		}
	}
	return all
}
