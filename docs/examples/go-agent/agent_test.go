// The agent against a scripted WOS: what it runs, what it refuses, what it remembers.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the agent that the shim starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		main()
		return
	}
	os.Exit(m.Run())
}

// start runs an agent in this process; the function that it returns stops it.
func start(t *testing.T, o options) func() {
	t.Helper()
	a, err := newAgent(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); a.run(ctx); a.ledger.close() }()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func running(o options) string {
	r := runtime{filepath.Join(o.state, "workloads")}
	var all []string
	for _, w := range r.workloads() {
		all = append(all, string(w))
	}
	return strings.Join(all, "\n")
}

var legal = map[string]string{
	"": "pending installing failed removing", "pending": "installing failed removing", "installing": "installed failed removing pending",
	"installed": "installing failed removing pending", "failed": "removing pending installing", "removing": "removed failed",
	"removed": "pending installing failed",
}

func checkOrder(t *testing.T, reports []report) {
	t.Helper()
	state := ""
	for _, r := range reports {
		if r.Status.State != state && !strings.Contains(legal[state], r.Status.State) {
			t.Errorf("%s after %s", r.Status.State, state)
		}
		state = r.Status.State
	}
}

func TestInstallUpdateRestartRemove(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	stop := start(t, o)
	first := documentFor(mixerID, "1.0.0", "  parameters:\n    a: {value: on, targets: [{pointer: RATE, components: [mixer, other]}]}\n    b: {value: 0o17, targets: [{pointer: RATE, components: [mixer]}]}\n")
	w.publish(2, mixerID, first, panelID, documentFor(strings.ToLower(panelID), "2.0.0", ""))
	waitFor(t, "installed", w.says(mixerID, "installed", 2))
	waitFor(t, "installed", w.says(panelID, "installed", 2))
	if now := running(o); !strings.Contains(now, `"RATE":15`) || !strings.Contains(now, "2.0.0") {
		t.Error(now)
	}
	if w.announced[0] != offer || !strings.HasPrefix(w.requests[0], "PUT /api/v1/capabilities/press-7") {
		t.Error("not announced first and unchanged")
	}
	w.publish(3, mixerID, documentFor(mixerID, "1.1.0", ""), panelID, documentFor(strings.ToLower(panelID), "2.0.0", ""))
	waitFor(t, "updated", w.says(mixerID, "installed", 3))
	stop()
	os.Remove(filepath.Join(o.state, "workloads", mixerID+".mixer.json"))
	stop = start(t, o)
	waitFor(t, "repaired", func() bool { return strings.Contains(running(o), "1.1.0") })
	w.publish(18446744073709551615)
	waitFor(t, "removed", w.says(mixerID, "removed", 3))
	waitFor(t, "removed", w.says(panelID, "removed", 3))
	if now := running(o); now != "" {
		t.Error(now)
	}
	stop()
	checkOrder(t, w.reported(mixerID))
	checkOrder(t, w.reported(panelID))
}

func TestDigestMismatchIsRefusedAndReported(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", ""))
	start(t, o)
	waitFor(t, "installed", w.says(mixerID, "installed", 2))
	bad := documentFor(mixerID, "6.6.6", "")
	w.publish(3, mixerID, bad)
	w.spoil("bundles", func(path string) { w.bodies[path] = append([]byte{0}, w.bodies[path]...) })
	w.spoil(digestOf([]byte(bad)), func(path string) { w.bodies[path] = []byte(bad + "# changed\n") })
	waitFor(t, "failed", w.says(mixerID, "failed", 3))
	if last := w.lastReport(mixerID); last.Status.Error.Code != "verification-failed" || len(last.Components) != 0 {
		t.Error(last)
	}
	if now := running(o); !strings.Contains(now, "1.0.0") || strings.Contains(now, "6.6.6") {
		t.Error(now)
	}
	w.publish(4, mixerID, documentFor(mixerID, "1.0.0", ""))
	waitFor(t, "installed again", w.says(mixerID, "installed", 4))
	checkOrder(t, w.reported(mixerID))
}

func TestLowerVersionIsRefusedAcrossARestart(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	w.publish(9007199254740993, mixerID, documentFor(mixerID, "1.0.0", ""))
	stop := start(t, o)
	waitFor(t, "installed", w.says(mixerID, "installed", 9007199254740993))
	stop()
	before := len(w.reported(mixerID))
	w.publish(9007199254740992)
	start(t, o)
	waitFor(t, "said where it stands", func() bool { return len(w.reported(mixerID)) > before })
	polls := w.polls()
	waitFor(t, "further polls", func() bool { return w.polls() > polls+2 })
	if all := w.reported(mixerID); len(all) != before+1 || all[before].AdoptedManifestVersion != 9007199254740993 {
		t.Error(all[before:])
	}
	if !strings.Contains(running(o), "1.0.0") {
		t.Error("it does not run any more")
	}
}

func TestNotFoundIsReportedAfterAskingAgain(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", ""))
	w.spoil("/", func(path string) { delete(w.bodies, path) })
	start(t, o)
	waitFor(t, "failed", w.says(mixerID, "failed", 2))
	if code := w.lastReport(mixerID).Status.Error.Code; code != "retrieval-failed" || w.polls() < 2 {
		t.Error(code, w.polls())
	}
	w.publish(3)
	waitFor(t, "removed", w.says(mixerID, "removed", 2))
	checkOrder(t, w.reported(mixerID))
}

func TestOneFailureStaysAlone(t *testing.T) {
	for code, bad := range map[string]string{
		"document-invalid":     documentFor(mixerID, "1.0.0", "x: &a [1]\ny: *a\n"),
		"unlisted-type":        strings.Replace(documentFor(mixerID, "1.0.0", ""), "compose", "helm", 1),
		"constraint-unmet":     strings.Replace(documentFor(mixerID, "1.0.0", ""), "    components:", "    deviceConstraints: {eligibilityRules: [{labelSelector: {matchExpressions: [{key: line, operator: In, values: [3]}]}}]}\n    components:", 1),
		"parameter-unusable":   documentFor(mixerID, "1.0.0", "  parameters:\n    a: {value: hush, targets: [{pointer: 1-2, components: [mixer]}]}\n"),
		"artifact-unavailable": strings.Replace(documentFor(mixerID, "1.0.0", ""), "registry.plant.example", "registry.invalid", 1),
	} {
		t.Run(code, func(t *testing.T) {
			w := newScripted(t)
			o := w.options(t)
			w.publish(2, mixerID, bad, panelID, documentFor(panelID, "2.0.0", ""))
			start(t, o)
			waitFor(t, "failed", w.says(mixerID, "failed", 2))
			waitFor(t, "installed", w.says(panelID, "installed", 2))
			last := w.lastReport(mixerID)
			if last.Status.Error.Code != code || strings.Contains(last.Status.Error.Message, "hush") || last.Status.Error.Source == "" {
				t.Error(*last.Status.Error)
			}
			checkOrder(t, w.reported(mixerID))
		})
	}
}

func TestComponentsAfterAFailureStayPending(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	more := "    - {name: broken, properties: {repository: 'oci://registry.invalid/b', revision: 1.0.0}}\n    - {name: last, properties: {repository: 'oci://registry.plant.example/l', revision: 1.0.0}}\n"
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", more))
	start(t, o)
	waitFor(t, "failed", w.says(mixerID, "failed", 2))
	parts := w.lastReport(mixerID).Components
	if parts[0].State != "installed" || parts[1].State != "failed" || parts[1].Error.Source != "broken" || parts[2].State != "pending" {
		t.Error(parts)
	}
	if !strings.Contains(running(o), "mixer") || strings.Contains(running(o), "last") {
		t.Error(running(o))
	}
}

func TestForeignIDRefusesTheManifest(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	w.publish(2, mixerID, documentFor(panelID, "1.0.0", ""))
	start(t, o)
	waitFor(t, "failed", w.says(mixerID, "failed", 2))
	if code := w.lastReport(mixerID).Status.Error.Code; code != "document-invalid" || running(o) != "" {
		t.Error(code, running(o))
	}
}

func TestReportsWaitAndSurvive(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	w.mu.Lock()
	w.statuses["/api/v1/deployments/"+mixerID+"/status"] = 503
	w.mu.Unlock()
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", ""))
	stop := start(t, o)
	waitFor(t, "it runs", func() bool { return running(o) != "" })
	stop()
	w.mu.Lock()
	clear(w.statuses)
	w.mu.Unlock()
	start(t, o)
	waitFor(t, "installed", w.says(mixerID, "installed", 2))
	checkOrder(t, w.reported(mixerID))
}

func TestRefusedReportIsNotSentAgain(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	path := "/api/v1/deployments/" + mixerID + "/status"
	w.mu.Lock()
	w.statuses[path] = 422
	w.mu.Unlock()
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", ""))
	start(t, o)
	waitFor(t, "it runs", func() bool { return running(o) != "" && w.polls() > 5 })
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := strings.Count(strings.Join(w.requests, "\n"), "POST "+path); n > 3 {
		t.Errorf("%d reports", n)
	}
}

func TestPeersThatAreNotTheWOS(t *testing.T) {
	root, other := newAuthority(t), newAuthority(t)
	for name, certificate := range map[string]tls.Certificate{
		"another root": other.issue(t, wosID, nil),
		"another WOS":  root.issue(t, wosID+"2", nil),
		"another case": root.issue(t, "spiffe://plant.example/margo/wfm/Main", nil),
		"expired":      root.issue(t, wosID, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"authority":    root.issue(t, wosID, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }),
		"client only": root.issue(t, wosID, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}),
		"two names": root.issue(t, wosID, func(c *x509.Certificate) {
			c.URIs = append(c.URIs, &url.URL{Scheme: "https", Host: "plant.example"})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptedWith(t, root, certificate)
			a, err := newAgent(w.options(t))
			if err != nil {
				t.Fatal(err)
			}
			defer a.ledger.close()
			a.announcer.send(context.Background())
			a.poll(context.Background())
			if len(w.requests) > 0 || a.pace.failures != 1 {
				t.Error(w.requests, a.pace)
			}
		})
	}
}

func TestScalarsOfYAML(t *testing.T) {
	v, err := parseYAML([]byte("a: [on, 2024-01-31, 0o17, 0x1F, 012, ~, .5, '1', 18446744073709551616, <<]\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(v)
	if string(text) != `{"a":["on","2024-01-31",15,31,12,null,0.5,"1",18446744073709551616,"\u003c\u003c"]}` {
		t.Error(string(text))
	}
	for _, bad := range []string{"a: 1\na: 2", "a: !!str 1", "a: .inf", "--- {}\n--- {}", "{1: 2}", "", strings.Repeat("[", 5000)} {
		if _, err := parseYAML([]byte(bad)); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
}

func TestRulesOfConstraints(t *testing.T) {
	capabilities, _ := parseJSON([]byte(offer))
	for text, want := range map[string]bool{
		`{}`: true,
		`{"capacityRequirements":{"cpu":{"cores":2},"memory":"2048Mi"}}`:                       true,
		`{"capacityRequirements":{"cpu":{"cores":3}}}`:                                         false,
		`{"capacityRequirements":{"cpu":{"cores":1,"architectures":["arm"]}}}`:                 false,
		`{"capacityRequirements":{"storage":"60Gi"}}`:                                          false,
		`{"eligibilityRules":[]}`:                                                              true,
		`{"eligibilityRules":[{"clockSelector":{}}]}`:                                          false,
		`{"eligibilityRules":[{"clockSelector":{}},` + rule("line", "Gt", "[1]") + `]}`:        true,
		`{"eligibilityRules":[` + rule("line", "NotIn", "[1,2.0]") + `]}`:                      false,
		`{"eligibilityRules":[` + rule("site", "NotIn", "[1]") + `]}`:                          false,
		`{"eligibilityRules":[` + rule("site", "DoesNotExist", "[1]") + `]}`:                   true,
		`{"eligibilityRules":[` + rule("line", "StartsWith", "[2]") + `]}`:                     false,
		`{"eligibilityRules":[` + strings.Replace(gpu, "ContainsAny", "ContainsAll", 1) + `]}`: true,
		`{"eligibilityRules":[` + strings.Replace(gpu, `"gpu"`, `"x"`, 1) + `]}`:               false,
		`{"affinity":{}}`: false,
	} {
		v, err := parseJSON([]byte(text))
		if err != nil {
			t.Fatal(text, err)
		}
		if got := fulfils(capabilities.(map[string]any), v.(map[string]any)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

const gpu = `{"propertySelector":{"matchExpressions":[{"key":"/peripherals","operator":"ContainsAny","itemSelector":{"matchExpressions":[{"key":"/type","operator":"In","values":["gpu"]}]}}]}}`

func rule(key, operator, values string) string {
	return `{"labelSelector":{"matchExpressions":[{"key":"` + key + `","operator":"` + operator + `","values":` + values + `}]}}`
}

func TestShimStartsAndCuts(t *testing.T) {
	w := newScripted(t)
	o := w.options(t)
	read := func(path string) string { text, _ := os.ReadFile(path); return string(text) }
	c := &control{root: t.TempDir(), token: "secret", answered: map[string]remembered{}}
	server := httptest.NewServer(c)
	defer server.Close()
	defer func() { c.mu.Lock(); c.end(9); c.mu.Unlock() }()
	call := func(verb string, body map[string]any) (int, string) {
		text, _ := json.Marshal(body)
		r, _ := http.NewRequest("POST", server.URL+"/control/v1/"+verb, strings.NewReader(string(text)))
		r.Header.Set("Authorization", "Bearer secret")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		result, _ := readBounded(answer.Body, 1<<20)
		return answer.StatusCode, string(result)
	}
	order := map[string]any{
		"wosUrl": w.URL, "state": "one", "svidPem": read(o.svid), "keyPem": read(o.key), "trustBundlePem": read(o.trust),
		"pollIntervalSeconds": 0.05, "requestTimeoutSeconds": 2, "maxBackoffSeconds": 1, "capabilities": json.RawMessage(offer),
	}
	w.publish(2, mixerID, documentFor(mixerID, "1.0.0", ""))
	for n := range 2 {
		if status, text := call("start", order); status != 200 {
			t.Fatal(status, text)
		}
		if status, _ := call("start", order); status != 409 {
			t.Error(status)
		}
		polls := w.polls()
		waitFor(t, "installed", func() bool { return w.polls() > polls && w.says(mixerID, "installed", 2)() })
		if status, text := call([]string{"cut", "stop"}[n], map[string]any{}); status != 200 {
			t.Fatal(status, text)
		}
		if _, text := call("workloads", map[string]any{"state": "one"}); !strings.Contains(text, `"revision":"1.0.0"`) {
			t.Error(text)
		}
	}
	if status, _ := call("release", map[string]any{"state": "one"}); status != 200 {
		t.Error(status)
	}
	w.publish(1)
	delete(order, "requestId")
	if status, text := call("start", order); status != 200 {
		t.Fatal(status, text)
	}
	waitFor(t, "removed in silence", func() bool {
		_, text := call("workloads", map[string]any{"state": "one"})
		return text == `{"workloads":[]}`
	})
	call("stop", map[string]any{})
	if status, _ := call("wipe", map[string]any{"state": "one"}); status != 200 {
		t.Error(status)
	}
	if status, _ := call("time_scale", map[string]any{"factor": 2}); status != 501 {
		t.Error(status)
	}
	checkOrder(t, w.reported(mixerID))
}
