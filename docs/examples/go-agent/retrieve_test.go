// Bundles as they should not be, windows, and pauses.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
	"time"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func bundleOf(headers ...*tar.Header) []byte {
	var out bytes.Buffer
	zipped, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	members := tar.NewWriter(zipped)
	for _, h := range headers {
		h.Mode = 0o600
		members.WriteHeader(h)
		io.CopyN(members, zeros{}, h.Size)
	}
	members.Close()
	zipped.Close()
	return out.Bytes()
}

func TestBundlesThatAreRefused(t *testing.T) {
	entries := []entry{{ID: mixerID}}
	file := func(name string, kind byte, size int64) *tar.Header {
		return &tar.Header{Name: name, Typeflag: kind, Size: size, Linkname: "x"}
	}
	good := file(mixerID+".yaml", tar.TypeReg, 10)
	if _, err := unpack(bundleOf(good), entries); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"nothing": bundleOf(), "no gzip": []byte("hello"), "twice": bundleOf(good, good),
		"surplus":  bundleOf(good, file(panelID+".yaml", tar.TypeReg, 1)),
		"climbs":   bundleOf(file("../"+mixerID+".yaml", tar.TypeReg, 1)),
		"dot":      bundleOf(file("./"+mixerID+".yaml", tar.TypeReg, 1)),
		"link":     bundleOf(file(mixerID+".yaml", tar.TypeSymlink, 0)),
		"folder":   bundleOf(file(mixerID+".yaml/", tar.TypeDir, 0)),
		"swollen":  bundleOf(file(mixerID+".yaml", tar.TypeReg, 200<<20)),
		"cut off":  bundleOf(good)[:40],
		"unended":  bundleOf(good)[:len(bundleOf(good))-8],
		"swelling": bundleOf(good, file("x", tar.TypeReg, 200<<20)),
	} {
		if _, err := unpack(body, entries); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestWindows(t *testing.T) {
	var w windows
	if !w.open(time.Now()) || w.Set("22:00:00-06:00:00") != nil || w.Set("12:00:00-12:00:01") != nil || w.Set("25:00:00-1") == nil {
		t.Fatal(w)
	}
	for clock, want := range map[string]bool{"23:00:00": true, "05:59:59": true, "06:00:00": false, "12:00:00": true, "12:00:01": false} {
		now, _ := time.Parse(time.TimeOnly, clock)
		if w.open(now) != want {
			t.Error(clock)
		}
	}
}

func TestPauses(t *testing.T) {
	p := pacing{first: time.Second, most: 5 * time.Second}
	for _, full := range []time.Duration{1, 2, 4, 5, 5} {
		p.failed(answer{})
		if got := time.Until(p.until); got < full*time.Second/2-50*time.Millisecond || got > full*time.Second {
			t.Errorf("%v of %v", got, full*time.Second)
		}
	}
	header := http.Header{"Date": {"Tue, 01 Jan 2030 00:00:00 GMT"}, "Retry-After": {"Tue, 01 Jan 2030 00:01:00 GMT"}}
	if told, ok := (answer{header: header}).retryAfter(); !ok || told != time.Minute {
		t.Error(told)
	}
	header.Set("Retry-After", "99999999999999999999999")
	if told, ok := (answer{header: header}).retryAfter(); !ok || told < 1000*time.Hour {
		t.Error(told)
	}
	p.refused()
	if got := time.Until(p.until); got < 900*time.Millisecond || got > 2500*time.Millisecond {
		t.Error(got)
	}
}
