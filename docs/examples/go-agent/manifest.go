// The manifest: read exactly, and refused when anything about it is wrong.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strconv"
	"strings"
)

const (
	manifestType   = "application/vnd.margo.manifest.v1+json"
	bundleType     = "application/vnd.margo.bundle.v1+tar+gzip"
	maxManifest    = 256 << 10
	maxDeployments = 256
)

var (
	digitsShape      = regexp.MustCompile(`^[0-9]+$`)
	documentURLShape = regexp.MustCompile(`^/api/v1/deployments/[0-9a-fA-F-]{36}/sha256:[0-9a-f]{64}$`)
	bundleURLShape   = regexp.MustCompile(`^/api/v1/bundles/sha256:[0-9a-f]{64}$`)
)

type entry struct{ ID, Digest, URL string }

type manifest struct {
	Version uint64
	Tag     string
	Bundle  *entry
	Entries []entry
}

func digestOf(body []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(body)) }

// key makes ids that differ only in the case of letters the same.
func key(id string) string { return strings.ToLower(id) }

func readManifest(a answer) (manifest, error) {
	m := manifest{Tag: a.header.Get("ETag")}
	if kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); kind != manifestType {
		return m, fmt.Errorf("media type %q", kind)
	}
	if m.Tag != `"`+digestOf(a.body)+`"` {
		return m, errors.New("the bytes do not have the digest in the ETag")
	}
	v, err := parseJSON(a.body)
	if err != nil {
		return m, err
	}
	var s shape
	root := s.object(v, "manifest")
	m.Version = s.version(root["manifestVersion"])
	if bundle, there := root["bundle"]; !there {
		s.wrong("bundle", "is missing")
	} else if bundle != nil {
		m.Bundle = s.bundle(bundle)
	}
	m.Entries = s.entries(root["deployments"])
	return m, s.err
}

func (s *shape) version(v any) uint64 {
	number, _ := v.(json.Number)
	version, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || version == 0 || !digitsShape.MatchString(string(number)) {
		s.wrong("manifestVersion", "is no whole number from 1 to 2^64-1")
	}
	return version
}

func (s *shape) bundle(v any) *entry {
	b := s.object(v, "bundle")
	s.size(b, "bundle")
	if b["mediaType"] != bundleType {
		s.wrong("bundle", "has another media type")
	}
	return &entry{Digest: s.text(b["digest"], "bundle", digestShape), URL: s.text(b["url"], "bundle", bundleURLShape)}
}

func (s *shape) entries(v any) []entry {
	list := s.list(v, "deployments", 0)
	if len(list) > maxDeployments {
		s.wrong("deployments", "are more than this agent takes")
		return nil
	}
	var entries []entry
	seen := map[string]bool{}
	for n, item := range list {
		at := fmt.Sprintf("deployments/%d", n)
		m := s.object(item, at)
		s.size(m, at)
		e := entry{s.text(m["deploymentId"], at, uuidShape), s.text(m["digest"], at, digestShape), s.text(m["url"], at, documentURLShape)}
		if seen[key(e.ID)] {
			s.wrong(at, "names a deployment twice")
		}
		seen[key(e.ID)] = true
		entries = append(entries, e)
	}
	return entries
}

func (s *shape) size(m map[string]any, at string) {
	optional(m, "sizeBytes", func(v any) {
		number, _ := v.(json.Number)
		if f, err := number.Float64(); err != nil || f < 0 || f != float64(uint64(f)) {
			s.wrong(at, "has a sizeBytes that is no whole number")
		}
	})
}
