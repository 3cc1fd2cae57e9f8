// What the agent remembers: the adopted manifest, its deployments, the reports that wait, the documents.
// Every change is on the disk before the agent acts on it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

const (
	maxLane    = 8
	maxRemoved = 1024
)

type fault struct {
	Code    string `json:"code"`
	Source  string `json:"source"`
	Message string `json:"message"`
}

type part struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Error *fault `json:"error,omitempty"`
}

type deployment struct {
	ID, Digest, Name string
	Version          uint64 // the manifest that the next report is about
	State            string
	Parts            []part
	Error            *fault
	Leaving          bool // no longer named, not yet removed
	Blocked          bool // a newer revision could not be had, and that was reported
}

// lane holds the reports of one deployment that were not answered, and the last one that was put there.
type lane struct {
	Queue []queued
	Last  queued
	Taken bool
}

type queued struct {
	ID, State string
	Body      json.RawMessage
}

type adopted struct {
	Version uint64
	Tag     string
	Entries []entry
}

type ledger struct {
	mu      sync.Mutex
	folder  string
	lock    *os.File
	changed chan struct{}
	data    struct {
		Identity    string
		Adopted     *adopted
		Deployments map[string]deployment
		Lanes       map[string]lane
	}
}

func openLedger(folder string) (*ledger, error) {
	l := &ledger{folder: folder, changed: make(chan struct{}, 1)}
	if err := os.MkdirAll(filepath.Join(folder, "documents"), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.Create(filepath.Join(folder, "lock"))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another agent uses %s: %w", folder, err)
	}
	l.lock = lock
	l.data.Deployments, l.data.Lanes = map[string]deployment{}, map[string]lane{}
	text, err := os.ReadFile(l.file())
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l.data)
	}
	return l, err
}

func (l *ledger) file() string { return filepath.Join(l.folder, "ledger.json") }

func (l *ledger) close() { l.lock.Close() }

// change stores what it has done, and ends the agent when that is not possible.
func (l *ledger) change(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
	text, err := json.Marshal(l.data)
	if err == nil {
		err = writeDurably(l.file(), text)
	}
	if err != nil {
		log.Fatalf("nothing can be stored any more: %v", err)
	}
	l.wake()
}

func (l *ledger) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// forget ends the relation to a WOS; what runs stays in the runtime.
func (l *ledger) forget(identity string) {
	l.change(func() {
		l.data.Identity, l.data.Adopted = identity, nil
		clear(l.data.Deployments)
		clear(l.data.Lanes)
	})
}

// belongTo forgets everything when it was learned under another identity.
func (l *ledger) belongTo(identity string) {
	if l.data.Identity != identity {
		l.forget(identity)
	}
}

func (l *ledger) adopted() *adopted {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Adopted
}

func (l *ledger) get(id string) deployment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Deployments[key(id)]
}

func (l *ledger) all() []deployment {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []deployment
	for _, d := range l.data.Deployments {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b deployment) int { return strings.Compare(key(a.ID), key(b.ID)) })
	return all
}

// adopt makes a manifest the one that should run; what it no longer names is on its way out.
func (l *ledger) adopt(m manifest) {
	l.change(func() {
		named := map[string]bool{}
		for _, e := range m.Entries {
			named[key(e.ID)] = true
		}
		before := l.data.Adopted
		for id, d := range l.data.Deployments {
			if d.Blocked && named[id] {
				d.Digest = "" // taken up anew, whatever is named now
			}
			d.Blocked = false
			if !named[id] && d.State != "removed" && !d.Leaving {
				d.Leaving = true
				if before != nil {
					d.Version = max(d.Version, before.Version)
				}
			}
			l.data.Deployments[id] = d
		}
		l.data.Adopted = &adopted{m.Version, m.Tag, m.Entries}
	})
}

func (l *ledger) put(d deployment) {
	d.Parts = slices.Clone(d.Parts)
	l.change(func() { l.data.Deployments[key(d.ID)] = d })
}

// report stores a deployment together with the report about it.
func (l *ledger) report(d deployment) { l.enqueue(d, false) }

// repeat puts a report in line even when the last one said the same.
func (l *ledger) repeat(d deployment) { l.enqueue(d, true) }

func (l *ledger) enqueue(d deployment, repeated bool) {
	d.Parts = slices.Clone(d.Parts)
	next := queued{d.ID, d.State, reportBody(d)}
	l.change(func() {
		l.data.Deployments[key(d.ID)] = d
		line := l.data.Lanes[key(d.ID)]
		same := string(next.Body) == string(line.Last.Body)
		if same && (!repeated || len(line.Queue) > 0) {
			return
		}
		line.Queue = shorten(append(line.Queue, next))
		line.Last, line.Taken = next, false
		l.data.Lanes[key(d.ID)] = line
	})
}

// shorten leaves out what happened between two reports of the same state; the first in line may have been sent.
func shorten(queue []queued) []queued {
	for first := 1; len(queue) > maxLane && first < len(queue); first++ {
		for later := len(queue) - 1; later > first; later-- {
			if queue[later].State == queue[first].State {
				queue = slices.Delete(queue, first, later)
				break
			}
		}
	}
	return queue
}

// waiting are the first reports of all lanes.
func (l *ledger) waiting() map[string]queued {
	l.mu.Lock()
	defer l.mu.Unlock()
	heads := map[string]queued{}
	for id, line := range l.data.Lanes {
		if len(line.Queue) > 0 {
			heads[id] = line.Queue[0]
		}
	}
	return heads
}

// settled takes the first report out of its lane; whoever is removed and has nothing left to say is forgotten.
func (l *ledger) settled(id string, taken bool) {
	l.change(func() {
		line := l.data.Lanes[id]
		line.Queue = line.Queue[1:]
		line.Taken = taken && len(line.Queue) == 0
		l.data.Lanes[id] = line
		if len(line.Queue) == 0 && l.data.Deployments[id].State == "removed" {
			delete(l.data.Lanes, id)
			delete(l.data.Deployments, id)
		}
	})
}

// started puts the last report of each lane back in line when nobody has taken it.
func (l *ledger) started() {
	l.change(func() {
		for id, line := range l.data.Lanes {
			if len(line.Queue) == 0 && !line.Taken {
				line.Queue = []queued{line.Last}
				l.data.Lanes[id] = line
			}
		}
	})
}

// dropOldest keeps a WOS that takes no reports from filling the disk.
func (l *ledger) dropOldest() {
	l.change(func() {
		for id, d := range l.data.Deployments {
			if len(l.data.Deployments) > maxRemoved && d.State == "removed" {
				delete(l.data.Lanes, id)
				delete(l.data.Deployments, id)
			}
		}
	})
}

func (l *ledger) documentFile(digest string) string {
	return filepath.Join(l.folder, "documents", strings.TrimPrefix(digest, "sha256:")+".yaml")
}

func (l *ledger) holds(digest string) bool {
	_, err := os.Stat(l.documentFile(digest))
	return err == nil
}

func (l *ledger) storeDocument(digest string, body []byte) {
	if err := writeDurably(l.documentFile(digest), body); err != nil {
		log.Printf("a document cannot be stored: %v", err)
	}
}

// document is read and verified again, since a disk may forget.
func (l *ledger) document(digest string) ([]byte, error) {
	body, err := os.ReadFile(l.documentFile(digest))
	if err == nil && digestOf(body) != digest {
		err = errors.New("the stored document has changed")
	}
	return body, err
}

// prune removes documents that neither the manifest, nor the adopted one, nor a deployment names.
func (l *ledger) prune(m manifest) {
	named := map[string]bool{}
	entries := slices.Clone(m.Entries)
	if now := l.adopted(); now != nil {
		entries = append(entries, now.Entries...)
	}
	for _, e := range entries {
		named[l.documentFile(e.Digest)] = true
	}
	for _, d := range l.all() {
		named[l.documentFile(d.Digest)] = true
	}
	files, _ := filepath.Glob(filepath.Join(l.folder, "documents", "*"))
	for _, file := range files {
		if !named[file] {
			os.Remove(file)
		}
	}
}
