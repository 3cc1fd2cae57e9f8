// Making what runs equal to the adopted manifest, and saying truthfully what becomes of each deployment.
package main

import "log"

// reconcile touches nothing before a manifest was adopted; started tries what has failed once more.
func (a *agent) reconcile(started bool) {
	now := a.ledger.adopted()
	if now == nil {
		return
	}
	for _, d := range a.ledger.all() {
		if d.Leaving {
			a.remove(d)
		}
	}
	for _, e := range now.Entries {
		a.settle(e, now.Version, started)
	}
	a.removeStrays(now)
}

func (a *agent) settle(e entry, version uint64, started bool) {
	d := a.ledger.get(e.ID)
	switch {
	case d.Leaving: // comes back, and is removed first
	case d.Blocked:
		a.keep(d)
	case d.Digest != e.Digest:
		a.takeUp(d, e, version)
	case d.State == "failed" && !started:
	case d.State == "installed" && a.runs(d.Digest):
	default:
		a.begin(d, version)
	}
}

func (a *agent) takeUp(d deployment, e entry, version uint64) {
	d.ID, d.Digest, d.Version, d.Error = e.ID, e.Digest, version, nil
	read := a.read(e.Digest)
	d.Name, d.Parts = read.document.Name, partsOf(read, "pending")
	if d.Name == "" {
		d.Name = d.ID
	}
	before := d.State
	d.State = "pending"
	if before == "pending" {
		a.ledger.put(d)
	} else {
		a.ledger.report(d)
	}
	a.begin(d, version)
}

func (a *agent) begin(d deployment, version uint64) {
	read := a.read(d.Digest)
	problem := read.document.unfit(a.announcer.offered())
	if read.err != nil {
		log.Printf("document of %s: %v", d.ID, read.err)
		problem = &fault{"document-invalid", d.Name, "the document cannot be read"}
	}
	if problem == nil {
		a.install(d, read.document, version)
		return
	}
	d.Parts = partsOf(read, "failed")
	a.fail(d, problem)
}

// install begins the components in the order of the list, and ends with the first that fails.
func (a *agent) install(d deployment, doc document, version uint64) {
	d.Version, d.State, d.Error = version, "installing", nil
	d.Parts = partsOf(readResult{document: doc}, "pending")
	d.Parts[0].State = "installing"
	a.ledger.report(d)
	for n, c := range doc.Components {
		w, problem := doc.workload(c)
		if problem == nil {
			problem = a.runtime.start(w)
		}
		if problem != nil {
			d.Parts[n] = part{c.Name, "failed", problem}
			a.fail(d, &fault{problem.Code, d.Name, "the component " + c.Name + " has failed"})
			return
		}
		d.Parts[n].State = "installed"
		if n+1 < len(d.Parts) {
			d.Parts[n+1].State = "installing"
		}
	}
	if err := a.runtime.keepOnly(d.ID, doc.Components...); err != nil {
		d.Parts[len(d.Parts)-1].State = "failed" // the one that is still there has no part of its own
		a.fail(d, &fault{"removal-failed", d.Name, "a component that is no longer named is still there"})
		return
	}
	d.State = "installed"
	a.ledger.report(d)
}

func (a *agent) fail(d deployment, problem *fault) {
	log.Printf("%s has failed: %s, %s", d.ID, problem.Code, problem.Message)
	d.State, d.Error = "failed", problem
	a.ledger.report(d)
}

func (a *agent) remove(d deployment) {
	read := a.read(d.Digest)
	d.State, d.Error, d.Parts = "removing", nil, partsOf(read, "removing")
	a.ledger.report(d)
	if err := a.runtime.keepOnly(d.ID); err != nil {
		d.Parts = partsOf(read, "failed")
		a.fail(d, &fault{"removal-failed", d.Name, "something of it is still there"})
		return
	}
	d.State, d.Parts, d.Leaving, d.Digest = "removed", partsOf(read, "removed"), false, ""
	a.ledger.report(d)
}

// keep runs the revision that was adopted while a newer one cannot be had; its report stays as it is.
func (a *agent) keep(d deployment) {
	doc := a.read(d.Digest).document
	if doc.unfit(a.announcer.offered()) != nil {
		return
	}
	for _, c := range doc.Components {
		w, problem := doc.workload(c)
		if problem != nil || a.runtime.start(w) != nil {
			return
		}
	}
}

// removeStrays ends what runs and belongs to nothing, without a word; it was there before the storage was lost or the device released.
func (a *agent) removeStrays(now *adopted) {
	known := map[string]bool{}
	for _, e := range now.Entries {
		known[key(e.ID)] = true
	}
	for _, d := range a.ledger.all() {
		known[key(d.ID)] = known[key(d.ID)] || d.Leaving
	}
	for id := range a.runtime.list() {
		if !known[id] {
			if err := a.runtime.keepOnly(id); err != nil {
				log.Printf("%s is still there: %v", id, err)
			}
		}
	}
}

func (a *agent) read(digest string) readResult {
	if found, known := a.documents[digest]; known {
		return found
	}
	body, err := a.ledger.document(digest)
	var read readResult
	if err == nil {
		read.document, err = readDocument(body)
	}
	if read.err = err; err != nil {
		read.document = document{}
	}
	a.documents[digest] = read
	return read
}

func (a *agent) runs(digest string) bool {
	doc := a.read(digest).document
	for _, c := range doc.Components {
		if w, problem := doc.workload(c); problem != nil || !a.runtime.runs(w) {
			return false
		}
	}
	return true
}

// partsOf has one part for each component of a document that could be read.
func partsOf(read readResult, state string) []part {
	parts := []part{}
	for _, c := range read.document.Components {
		parts = append(parts, part{Name: c.Name, State: state})
	}
	return parts
}
