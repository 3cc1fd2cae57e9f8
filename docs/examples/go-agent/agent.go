// The loop: announce, poll, adopt what is new and sound, and make what runs equal to it.
package main

import (
	"context"
	"errors"
	"log"
	"sync"
	"time"
)

type agent struct {
	ledger    *ledger
	runtime   runtime
	client    *client
	announcer *announcer
	outbox    *outbox
	retriever *retriever
	pace      pacing
	documents map[string]readResult // by digest, as read before
	suspect   string                // tag of a manifest that could not be retrieved once
	older     string                // tag of a lower version about which reports were sent
}

type readResult struct {
	document document
	err      error
}

func newAgent(o options) (*agent, error) {
	i, err := loadIdentity(o.svid, o.key, o.trust)
	if err != nil {
		return nil, err
	}
	c, pace := newClient(o, i), pacing{first: o.interval, most: o.maxBackoff}
	announcer, err := newAnnouncer(o.capabilities, c, pace)
	if err != nil {
		return nil, err
	}
	l, err := openLedger(o.state)
	if err != nil {
		return nil, err
	}
	r, err := openRuntime(o.state)
	if err != nil {
		return nil, err
	}
	l.belongTo(i.own)
	return &agent{
		ledger: l, runtime: r, client: c, announcer: announcer, pace: pace,
		outbox:    newOutbox(l, c, pace),
		retriever: &retriever{l, c, pace, map[string]*pacing{}},
		documents: map[string]readResult{},
	}, nil
}

func (a *agent) run(ctx context.Context) {
	a.ledger.started()
	a.reconcile(true)
	a.announcer.send(ctx)
	var others sync.WaitGroup
	others.Go(func() { a.announcer.run(ctx) })
	others.Go(func() { a.outbox.run(ctx) })
	for ctx.Err() == nil {
		a.poll(ctx)
		a.reconcile(false)
		sleep(ctx, time.Until(a.pace.until))
	}
	others.Wait()
}

func (a *agent) poll(ctx context.Context) {
	header := map[string]string{"Accept": manifestType}
	now := a.ledger.adopted()
	if now != nil {
		header["If-None-Match"] = now.Tag
	}
	answer, err := a.client.do(ctx, request{method: "GET", path: "/api/v1/deployments", header: header, limit: maxManifest})
	switch {
	case ctx.Err() != nil:
	case err == nil && answer.status == 200:
		a.take(ctx, answer)
	case err == nil && answer.status == 304 && now != nil:
		a.pace.good()
	case errors.Is(err, errTooLarge) && answer.status == 200:
		a.refuse(err)
	default:
		log.Printf("no manifest: status %d, %v", answer.status, err)
		a.pace.failed(answer)
	}
}

func (a *agent) take(ctx context.Context, answer answer) {
	m, err := readManifest(answer)
	now := a.ledger.adopted()
	switch {
	case err != nil:
		a.refuse(err)
	case now != nil && m.Version < now.Version:
		a.refuse(errors.New("its version is lower than the adopted one"))
		a.tellWhereItStands(m, now)
	case now != nil && m.Version == now.Version && m.Tag != now.Tag:
		a.refuse(errors.New("it has other content under the adopted version"))
	case now != nil && m.Version == now.Version:
		a.pace.good()
	default:
		a.pace.good()
		a.follow(ctx, m)
	}
}

func (a *agent) refuse(reason error) {
	log.Printf("manifest refused: %v", reason)
	a.pace.refused()
}

// follow adopts a newer manifest when everything that it names is there.
func (a *agent) follow(ctx context.Context, m manifest) {
	faults := a.retriever.complete(ctx, m, time.Now().Add(2*a.pace.first))
	if ctx.Err() != nil {
		return
	}
	if len(faults) > 0 {
		a.cannotAdopt(m, faults)
		return
	}
	a.ledger.adopt(m)
	a.ledger.dropOldest()
	a.outbox.forgetRefusals()
	a.suspect, a.older = "", ""
	clear(a.documents)
	log.Printf("version %d adopted", m.Version)
}

// cannotAdopt reports what stands in the way, unless it may pass, once the manifest was asked for again.
func (a *agent) cannotAdopt(m manifest, faults map[string]fault) {
	again := a.suspect == m.Tag
	a.suspect = ""
	for id, f := range faults {
		log.Printf("version %d is not adopted: %s %s", m.Version, id, f.Code)
		if again && f.Code != "" && a.isNew(id, m) {
			d := a.ledger.get(id)
			d.ID, d.Version, d.State, d.Blocked = id, m.Version, "failed", true
			d.Parts, d.Error = nil, &f
			a.ledger.report(d)
		}
		if f.Code != "" {
			a.suspect = m.Tag
		}
	}
}

// isNew tells whether a manifest changes a deployment.
func (a *agent) isNew(id string, m manifest) bool {
	now := a.ledger.adopted()
	if now == nil {
		return true
	}
	for _, e := range now.Entries {
		for _, other := range m.Entries {
			if key(other.ID) == key(id) && key(e.ID) == key(id) {
				return e.Digest != other.Digest
			}
		}
	}
	return true
}

// tellWhereItStands reports every adopted deployment once for each manifest of a lower version.
func (a *agent) tellWhereItStands(m manifest, now *adopted) {
	if a.older == m.Tag {
		return
	}
	a.older = m.Tag
	a.reconcile(false)
	for _, e := range now.Entries {
		if d := a.ledger.get(e.ID); d.State != "" {
			if !d.Leaving {
				d.Version = max(d.Version, now.Version)
			}
			a.ledger.repeat(d)
		}
	}
}
