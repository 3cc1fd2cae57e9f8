// Everything that a manifest names: from the bundle or document by document, verified before it is kept.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"
)

const (
	maxDocument = 128 << 10
	maxBundle   = 16 << 20
	maxUnpacked = maxDeployments * (maxDocument + 1024)
)

var (
	errLater  = errors.New("nothing can be said yet")
	errSilent = fmt.Errorf("no answer: %w", errLater)
)

type retriever struct {
	ledger *ledger
	client *client
	pace   pacing // copied for each path
	paces  map[string]*pacing
}

// complete retrieves what is missing and returns what stands in the way of each deployment;
// a fault without a code may pass, and there is nothing to report.
func (r *retriever) complete(ctx context.Context, m manifest, until time.Time) map[string]fault {
	r.ledger.prune(m)
	r.forgetPaces(m)
	missing := r.missing(m)
	var fromBundle error
	triedBundle := len(missing) > 1 && m.Bundle != nil
	if triedBundle {
		fromBundle = r.bundle(ctx, m)
		missing = r.missing(m)
	}
	faults := r.documents(ctx, missing, until)
	if missing = r.missing(m); len(missing) > 0 && m.Bundle != nil && !triedBundle && time.Now().Before(until) {
		fromBundle = r.bundle(ctx, m)
		missing = r.missing(m)
	}
	left := map[string]fault{}
	for _, e := range missing {
		left[e.ID] = faults[e.ID]
		if errors.Is(fromBundle, errLater) {
			left[e.ID] = fault{}
		}
	}
	if fromBundle != nil {
		log.Printf("bundle of version %d: %v", m.Version, fromBundle)
	}
	return r.withForeignIDs(m, left)
}

// withForeignIDs adds the documents that say to be another deployment.
func (r *retriever) withForeignIDs(m manifest, faults map[string]fault) map[string]fault {
	for _, e := range m.Entries {
		body, err := r.ledger.document(e.Digest)
		if err != nil {
			continue
		}
		v, _ := parseYAML(body)
		root, _ := v.(map[string]any)
		if id, isText := root["id"].(string); isText && key(id) != key(e.ID) {
			faults[e.ID] = fault{"document-invalid", e.ID, "the document names another deployment"}
		}
	}
	return faults
}

func (r *retriever) missing(m manifest) []entry {
	var missing []entry
	for _, e := range m.Entries {
		if _, err := r.ledger.document(e.Digest); err != nil {
			missing = append(missing, e)
		}
	}
	return missing
}

func (r *retriever) documents(ctx context.Context, missing []entry, until time.Time) map[string]fault {
	faults := map[string]fault{}
	for _, e := range missing {
		if time.Now().After(until) {
			break // what is left has its turn after the next poll
		}
		body, err := r.get(ctx, e.URL, maxDocument)
		switch {
		case err == errSilent:
			return faults
		case err == errLater:
		case err != nil:
			faults[e.ID] = fault{"retrieval-failed", e.ID, err.Error()}
		case digestOf(body) != e.Digest:
			faults[e.ID] = fault{"verification-failed", e.ID, "the document does not have the digest in the manifest"}
		default:
			r.ledger.storeDocument(e.Digest, body)
		}
	}
	return faults
}

func (r *retriever) bundle(ctx context.Context, m manifest) error {
	body, err := r.get(ctx, m.Bundle.URL, maxBundle)
	if err != nil {
		return err
	}
	if digestOf(body) != m.Bundle.Digest {
		return errors.New("the bundle does not have the digest in the manifest")
	}
	documents, err := unpack(body, m.Entries)
	if err != nil {
		return err
	}
	for _, e := range m.Entries {
		if digestOf(documents[e.ID]) == e.Digest {
			r.ledger.storeDocument(e.Digest, documents[e.ID])
		}
	}
	return nil
}

// unpack takes exactly one regular file for each entry, at the root, reads to the end, and stops at what is too large.
func unpack(body []byte, entries []entry) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	expected := map[string]string{}
	for _, e := range entries {
		expected[e.ID+".yaml"] = e.ID
	}
	bounded := &io.LimitedReader{R: unzipped, N: maxUnpacked}
	archive := tar.NewReader(bounded)
	documents := map[string][]byte{}
	for {
		header, err := archive.Next()
		if err == io.EOF && len(documents) == len(entries) {
			return documents, readToTheEnd(bounded)
		}
		if err != nil {
			return nil, fmt.Errorf("the bundle ends early or cannot be read: %w", err)
		}
		id, wanted := expected[header.Name]
		if !wanted || header.Typeflag != tar.TypeReg || header.Size > maxDocument || documents[id] != nil {
			return nil, errors.New("the bundle holds something that does not belong there")
		}
		if documents[id], err = readBounded(archive, maxDocument); err != nil {
			return nil, err
		}
	}
}

// readToTheEnd passes over what follows the archive, up to the checksum of the gzip.
func readToTheEnd(bounded *io.LimitedReader) error {
	if _, err := io.Copy(io.Discard, bounded); err != nil {
		return fmt.Errorf("the bundle ends early: %w", err)
	}
	if bounded.N == 0 {
		return errors.New("the bundle is too large")
	}
	return nil
}

// get answers errLater when the same request may succeed later, or has to wait.
func (r *retriever) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	pace := r.paces[path]
	if pace != nil && time.Now().Before(pace.until) {
		return nil, errLater
	}
	a, err := r.client.do(ctx, request{method: "GET", path: path, limit: limit})
	switch {
	case err == nil && a.status == 200:
		delete(r.paces, path)
		return a.body, nil
	case errors.Is(err, errTooLarge):
		return nil, err
	case err == nil && !a.passing():
		return nil, fmt.Errorf("answered with status %d", a.status)
	}
	log.Printf("GET %s: status %d, %v", path, a.status, err)
	if pace == nil {
		copied := r.pace
		pace = &copied
		r.paces[path] = pace
	}
	pace.failed(a)
	if err != nil {
		return nil, errSilent
	}
	return nil, errLater
}

func (r *retriever) forgetPaces(m manifest) {
	named := map[string]bool{}
	for _, e := range m.Entries {
		named[e.URL] = true
	}
	if m.Bundle != nil {
		named[m.Bundle.URL] = true
	}
	for path := range r.paces {
		if !named[path] {
			delete(r.paces, path)
		}
	}
}
