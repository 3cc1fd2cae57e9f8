// The capabilities of the device: sent as the owner wrote them, after each start and after each change.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"sync"
	"time"
)

const maxCapabilities = 256 << 10

type announcer struct {
	file    string
	client  *client
	pace    pacing
	body    []byte
	device  string
	pending bool
	mu      sync.Mutex
	current map[string]any // what the device offers, for whoever decides what fits
}

func newAnnouncer(file string, c *client, pace pacing) (*announcer, error) {
	n := &announcer{file: file, client: c, pace: pace}
	return n, n.read()
}

// read takes the file when it has changed and still describes this device.
func (n *announcer) read() error {
	body, err := os.ReadFile(n.file)
	if err != nil || string(body) == string(n.body) {
		return err
	}
	if len(body) > maxCapabilities {
		return errors.New("the capabilities are too large")
	}
	v, err := parseJSON(body)
	if err != nil {
		return err
	}
	var s shape
	root := s.object(v, "capabilities")
	device := checkOffer(&s, root)
	if n.device != "" && device != n.device {
		s.wrong("id", "is that of another device")
	}
	if s.err != nil {
		return s.err
	}
	warnAboutGaps(root["properties"].(map[string]any))
	n.body, n.device, n.pending = body, device, true
	n.mu.Lock()
	defer n.mu.Unlock()
	n.current = root
	return nil
}

func (n *announcer) offered() map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.current
}

func (n *announcer) run(ctx context.Context) {
	for {
		pause := n.pace.first
		if n.pending {
			pause = min(pause, max(time.Until(n.pace.until), time.Millisecond))
		}
		if sleep(ctx, pause) != nil {
			return
		}
		if err := n.read(); err != nil {
			log.Printf("capabilities: %v", err)
		}
		if n.pending && !time.Now().Before(n.pace.until) {
			n.send(ctx)
		}
	}
}

func (n *announcer) send(ctx context.Context) {
	a, err := n.client.do(ctx, request{
		method: "PUT", path: "/api/v1/capabilities/" + n.device,
		header: map[string]string{"Content-Type": "application/json"}, body: n.body,
	})
	switch {
	case err == nil && a.status >= 200 && a.status < 300:
		n.pending, n.pace.failures = false, 0
	case err == nil && !a.passing():
		log.Printf("capabilities refused with status %d; they wait for a change", a.status)
		n.pending = false
	case ctx.Err() == nil:
		log.Printf("capabilities wait: status %d, %v", a.status, err)
		n.pace.failed(a)
	}
}
