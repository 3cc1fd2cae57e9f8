// A trust domain and a scripted WOS on loopback, for the tests.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	wosID   = "spiffe://plant.example/margo/wfm/main"
	offer   = `{"properties":{"id":"press-7","vendor":"V","modelNumber":"M","serialNumber":"1","cpus":[{"cores":2,"architecture":"amd64"}],"memory":"2Gi","storage":"59 Gi","peripherals":[{"type":"gpu"}],"interfaces":[],"otelCollector":true,"supportedRuntimes":["oci"],"supportedDeploymentTypes":["compose"]},"labels":{"line":2}}`
	mixerID = "7c1d9a52-9d4e-4c1e-9a39-2f64f7d0a6b1"
	panelID = "0B5F7F0E-5a2c-4f3b-8a55-0d9c3a1e7f42"
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newAuthority(t *testing.T) authority {
	k := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	certificate, _ := x509.ParseCertificate(der)
	return authority{certificate, k}
}

func (a authority) issue(t *testing.T, uri string, change func(*x509.Certificate)) tls.Certificate {
	k := newKey(t)
	name, _ := url.Parse(uri)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), URIs: []*url.URL{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, k.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func keyPEM(t *testing.T, c tls.Certificate) string {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}

// scripted is a WOS that serves what a test tells it to.
type scripted struct {
	*httptest.Server
	root      authority
	mu        sync.Mutex
	manifest  []byte
	bodies    map[string][]byte
	statuses  map[string]int // by path: answered with this instead
	reports   map[string][]report
	requests  []string
	announced []string
}

func newScripted(t *testing.T) *scripted {
	root := newAuthority(t)
	return newScriptedWith(t, root, root.issue(t, wosID, nil))
}

func newScriptedWith(t *testing.T, root authority, certificate tls.Certificate) *scripted {
	w := &scripted{root: root, bodies: map[string][]byte{}, statuses: map[string]int{}, reports: map[string][]report{}}
	w.publish(1)
	w.Server = httptest.NewUnstartedServer(w)
	w.Config.ErrorLog = nil
	w.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert}
	w.StartTLS()
	t.Cleanup(w.Close)
	return w
}

func (w *scripted) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("If-None-Match"))
	body, _ := io.ReadAll(r.Body)
	if status := w.statuses[r.URL.Path]; status != 0 {
		out.WriteHeader(status)
		return
	}
	switch {
	case r.Method == "PUT":
		w.announced = append(w.announced, string(body))
		out.WriteHeader(201)
	case r.Method == "POST":
		var one report
		json.Unmarshal(body, &one)
		w.reports[key(one.DeploymentID)] = append(w.reports[key(one.DeploymentID)], one)
	case r.URL.Path == "/api/v1/deployments":
		tag := `"` + digestOf(w.manifest) + `"`
		out.Header().Set("ETag", tag)
		out.Header().Set("Content-Type", manifestType)
		if r.Header.Get("If-None-Match") == tag {
			out.WriteHeader(304)
			return
		}
		out.Write(w.manifest)
	case w.bodies[r.URL.Path] != nil:
		out.Write(w.bodies[r.URL.Path])
	default:
		out.WriteHeader(404)
	}
}

// publish serves documents, by id in the order id, text, id, text, under a version.
func (w *scripted) publish(version uint64, pairs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var entries []map[string]any
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	members := tar.NewWriter(zipped)
	for n := 0; n < len(pairs); n += 2 {
		id, text := pairs[n], []byte(pairs[n+1])
		path := "/api/v1/deployments/" + id + "/" + digestOf(text)
		w.bodies[path] = text
		entries = append(entries, map[string]any{"deploymentId": id, "digest": digestOf(text), "url": path, "sizeBytes": 1})
		members.WriteHeader(&tar.Header{Name: id + ".yaml", Size: int64(len(text)), Mode: 0o600, Typeflag: tar.TypeReg})
		members.Write(text)
	}
	members.Close()
	zipped.Close()
	whole := map[string]any{"manifestVersion": json.Number(fmt.Sprint(version)), "bundle": nil, "deployments": []any{}, "Bundle": "of tomorrow"}
	if len(entries) > 0 {
		path := "/api/v1/bundles/" + digestOf(archive.Bytes())
		w.bodies[path] = archive.Bytes()
		whole["bundle"] = map[string]any{"mediaType": bundleType, "digest": digestOf(archive.Bytes()), "url": path}
		whole["deployments"] = entries
	}
	w.manifest, _ = json.Marshal(whole)
}

// spoil changes what is served at every path that holds a text.
func (w *scripted) spoil(part string, change func(path string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path := range w.bodies {
		if strings.Contains(path, part) {
			change(path)
		}
	}
}

func (w *scripted) reported(id string) []report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports[key(id)])
}

func (w *scripted) lastReport(id string) (last report) {
	if all := w.reported(id); len(all) > 0 {
		last = all[len(all)-1]
	}
	return last
}

func (w *scripted) says(id, state string, version uint64) func() bool {
	return func() bool {
		last := w.lastReport(id)
		return last.Status.State == state && last.AdoptedManifestVersion == version
	}
}

// polls counts the requests for the manifest.
func (w *scripted) polls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.requests {
		if strings.HasPrefix(r, "GET /api/v1/deployments ") {
			n++
		}
	}
	return n
}

func (w *scripted) options(t *testing.T) options {
	folder := t.TempDir()
	svid := w.root.issue(t, wosID+"/client/press-7", nil)
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return options{
		wos: w.URL, state: filepath.Join(folder, "state"),
		svid: write("svid.pem", pemOf("CERTIFICATE", svid.Certificate[0])), key: write("key.pem", keyPEM(t, svid)),
		trust:        write("trust.pem", pemOf("CERTIFICATE", w.root.certificate.Raw)),
		capabilities: write("capabilities.json", offer),
		interval:     40 * time.Millisecond, timeout: 2 * time.Second, maxBackoff: 200 * time.Millisecond,
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within ten seconds: %s", what)
}

func documentFor(id, revision, more string) string {
	return "id: " + id + "\nmetadata: {name: mixer, namespace: mixer, deviceId: press-7}\nspec:\n  applicationId: com-example-mixer\n  deploymentProfile:\n    type: compose\n    components:\n    - {name: mixer, properties: {repository: 'oci://registry.plant.example/mixer', revision: " + revision + "}}\n" + more
}
