// The test control of an agent on a loopback listener: start, stop, cut, wipe, workloads, and two optional verbs.
package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

var stateShape = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

type control struct {
	root, token string
	mu          sync.Mutex
	child       *exec.Cmd
	ended       chan struct{}
	state       string
	answered    map[string]remembered
}

type remembered struct {
	request, body string
	status        int
}

type startOrder struct {
	RequestID                                                     string `json:"requestId"`
	WosURL, SvidPem, KeyPem, TrustBundlePem, State                string
	PollIntervalSeconds, RequestTimeoutSeconds, MaxBackoffSeconds float64
	PollWindows                                                   []struct{ From, To string }
	Capabilities                                                  json.RawMessage
}

// refusal is an answer with its status and one sentence.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func shim(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("shim", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "loopback address")
	token := flags.String("token", "", "bearer token")
	root := flags.String("root", "", "folder for the state folders")
	if err := flags.Parse(args); err != nil || *token == "" || *root == "" {
		return errors.Join(err, errors.New("-token and -root are needed"))
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	c := &control{root: *root, token: *token, answered: map[string]remembered{}}
	server := &http.Server{Handler: c}
	context.AfterFunc(ctx, func() { server.Close() })
	err = server.Serve(listener)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(syscall.SIGTERM)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	verb, isVerb := strings.CutPrefix(r.URL.Path, "/control/v1/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	status, text := 404, `{"error":"no verb"}`
	switch {
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+c.token)) != 1:
		status, text = 401, `{"error":"the token is wrong"}`
	case err != nil:
		status, text = 400, `{"error":"the body cannot be read"}`
	case isVerb && r.Method == http.MethodPost:
		status, text = c.once(verb, body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// once carries out a request once for one requestId.
func (c *control) once(verb string, body []byte) (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var order startOrder
	if json.Unmarshal(body, &order) != nil {
		return 400, `{"error":"the body is not as described"}`
	}
	id, request := order.RequestID, verb+" "+string(body)
	if before, known := c.answered[id]; known && id != "" {
		if before.request != request {
			return 409, `{"error":"the requestId was used for another request"}`
		}
		return before.status, before.body
	}
	result, err := c.carryOut(verb, order)
	status := 200
	if err != nil {
		var no refusal
		if status = 500; errors.As(err, &no) {
			status = no.status
		}
		result = map[string]string{"error": err.Error()}
	}
	text, _ := json.Marshal(result)
	if id != "" && len(c.answered) < 100000 {
		c.answered[id] = remembered{request, string(text), status}
	}
	return status, string(text)
}

func (c *control) carryOut(verb string, o startOrder) (any, error) {
	done := struct{}{}
	switch verb {
	case "stop":
		c.end(syscall.SIGTERM)
		return done, nil
	case "cut":
		c.end(syscall.SIGKILL)
		return done, nil
	case "start", "wipe", "workloads", "release":
	case "set_capabilities":
		if !c.running() {
			return nil, refusal{409, "no agent runs"}
		}
		return done, writeDurably(filepath.Join(c.folder(c.state), "capabilities.json"), o.Capabilities)
	default:
		return nil, refusal{501, "this verb is not offered"}
	}
	if !stateShape.MatchString(o.State) {
		return nil, refusal{400, "state is not as described"}
	}
	switch verb {
	case "workloads":
		return map[string]any{"workloads": runtime{filepath.Join(c.folder(o.State), "workloads")}.workloads()}, nil
	case "release":
		c.end(syscall.SIGTERM)
		for _, name := range []string{"svid.pem", "key.pem", "trust.pem"} {
			os.Remove(filepath.Join(c.folder(o.State), name))
		}
		return done, release(context.Background(), []string{"-state", c.folder(o.State)})
	}
	if c.running() {
		return nil, refusal{409, "an agent runs"}
	}
	if verb == "wipe" {
		return done, os.RemoveAll(c.folder(o.State))
	}
	return done, c.start(o)
}

func (c *control) folder(state string) string { return filepath.Join(c.root, state) }

func (c *control) start(o startOrder) error {
	if o.SvidPem == "" || o.KeyPem == "" || o.TrustBundlePem == "" {
		return refusal{501, "this agent does not enrol"}
	}
	folder := c.folder(o.State)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	args := []string{"run", "-wos", o.WosURL, "-state", folder,
		"-poll-interval", seconds(o.PollIntervalSeconds), "-request-timeout", seconds(o.RequestTimeoutSeconds), "-max-backoff", seconds(o.MaxBackoffSeconds)}
	for _, file := range [][3]string{{"-svid", "svid.pem", o.SvidPem}, {"-key", "key.pem", o.KeyPem},
		{"-trust", "trust.pem", o.TrustBundlePem}, {"-capabilities", "capabilities.json", string(o.Capabilities)}} {
		path := filepath.Join(folder, file[1])
		if err := writeDurably(path, []byte(file[2])); err != nil {
			return err
		}
		args = append(args, file[0], path)
	}
	for _, window := range o.PollWindows {
		args = append(args, "-poll-window", window.From+"-"+window.To)
	}
	return c.spawn(o.State, args)
}

func seconds(n float64) string { return fmt.Sprintf("%fs", n) }

// spawn returns when the agent has said that it is ready.
func (c *control) spawn(state string, args []string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child, ended := exec.Command(program, args...), make(chan struct{})
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	go func() { child.Wait(); close(ended) }()
	if line != "ready\n" {
		<-ended
		return refusal{400, "the agent does not start with this"}
	}
	c.child, c.ended, c.state = child, ended, state
	return nil
}

func (c *control) running() bool {
	if c.child == nil {
		return false
	}
	select {
	case <-c.ended:
		c.child = nil
		return false
	default:
		return true
	}
}

func (c *control) end(signal syscall.Signal) {
	if c.running() {
		c.child.Process.Signal(signal)
		<-c.ended
		c.child = nil
	}
}
