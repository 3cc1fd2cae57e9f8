// Reports on their way: one at a time for each deployment, in order, until somebody takes or refuses them.
package main

import (
	"context"
	"encoding/json"
	"log"
	"sync"
	"time"
)

const maxSending = 4

type report struct {
	AdoptedManifestVersion uint64       `json:"adoptedManifestVersion"`
	Components             []part       `json:"components"`
	DeploymentID           string       `json:"deploymentId"`
	Status                 reportStatus `json:"status"`
}

type reportStatus struct {
	State string `json:"state"`
	Error *fault `json:"error,omitempty"`
}

func reportBody(d deployment) json.RawMessage {
	parts := d.Parts
	if parts == nil {
		parts = []part{}
	}
	body, _ := json.Marshal(report{d.Version, parts, d.ID, reportStatus{d.State, d.Error}})
	return body
}

type outbox struct {
	ledger  *ledger
	client  *client
	pace    pacing // copied for each lane
	mu      sync.Mutex
	paces   map[string]*pacing
	busy    map[string]bool
	refused map[string]string
}

func newOutbox(l *ledger, c *client, pace pacing) *outbox {
	return &outbox{ledger: l, client: c, pace: pace, paces: map[string]*pacing{}, busy: map[string]bool{}, refused: map[string]string{}}
}

func (o *outbox) run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	for ctx.Err() == nil {
		pause := o.dispatch(ctx, &sending)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-o.ledger.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// dispatch sends what is due, and says when to look again.
func (o *outbox) dispatch(ctx context.Context, sending *sync.WaitGroup) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	heads := o.ledger.waiting()
	pause := time.Minute
	for id := range o.paces {
		if _, waits := heads[id]; !waits && !o.busy[id] {
			delete(o.paces, id)
		}
	}
	for id, head := range heads {
		pace := o.paceOf(id)
		if wait := time.Until(pace.until); wait > 0 {
			pause = min(pause, wait)
			continue
		}
		if o.busy[id] || len(o.busy) >= maxSending {
			continue
		}
		o.busy[id] = true
		sending.Go(func() { o.send(ctx, id, head) })
	}
	return pause
}

func (o *outbox) paceOf(id string) *pacing {
	if o.paces[id] == nil {
		pace := o.pace
		o.paces[id] = &pace
	}
	return o.paces[id]
}

func (o *outbox) send(ctx context.Context, id string, head queued) {
	a, err := answer{}, error(nil)
	known := o.wasRefused(id, head)
	if !known {
		a, err = o.client.do(ctx, request{
			method: "POST", path: "/api/v1/deployments/" + head.ID + "/status",
			header: map[string]string{"Content-Type": "application/json"}, body: head.Body,
		})
	}
	taken := err == nil && a.status >= 200 && a.status < 300
	over := known || taken || err == nil && mayDrop(a)
	if over {
		o.ledger.settled(id, taken)
	}
	o.note(ctx, id, head, a, err, taken, over)
	o.ledger.wake()
}

// note ends the sending of one report; only now may the next one of its lane go.
func (o *outbox) note(ctx context.Context, id string, head queued, a answer, err error, taken, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, id)
	switch {
	case taken:
		delete(o.paces, id)
	case over:
		o.refused[id] = string(head.Body)
		log.Printf("report %s of %s dropped after status %d", head.State, head.ID, a.status)
	case ctx.Err() == nil:
		o.paceOf(id).failed(a)
		log.Printf("report %s of %s waits: status %d, %v", head.State, head.ID, a.status, err)
	}
}

// mayDrop tells whether a report is given up: what can pass is kept, unless the WOS says that it will not.
func mayDrop(a answer) bool {
	if told := a.retryable(); a.status >= 500 && a.status != 503 && told != nil && !*told {
		return true
	}
	return !a.passing()
}

func (o *outbox) wasRefused(id string, head queued) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refused[id] == string(head.Body)
}

func (o *outbox) forgetRefusals() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.refused)
}
