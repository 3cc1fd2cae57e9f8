// One request to the WOS: HTTP/1.1, no redirection, bounded in time and size, inside the poll windows.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

var errTooLarge = errors.New("the answer is larger than this agent takes")

type request struct {
	method, path string
	header       map[string]string
	body         []byte
	limit        int64
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

type client struct {
	base    string
	timeout time.Duration
	windows windows
	http    *http.Client
}

func newClient(o options, i *identity) *client {
	transport := &http.Transport{
		TLSClientConfig:        i.tlsConfig(),
		TLSHandshakeTimeout:    o.timeout,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    4,
		MaxResponseHeaderBytes: 64 << 10,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{o.wos, o.timeout, o.windows, &http.Client{Transport: transport, CheckRedirect: stay}}
}

func (c *client) do(ctx context.Context, r request) (answer, error) {
	if err := c.windows.wait(ctx); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	message, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	for name, value := range r.header {
		message.Header.Set(name, value)
	}
	// Every operation may be repeated; the key without a value tells the transport and is not sent.
	message.Header["Idempotency-Key"] = nil
	response, err := c.http.Do(message)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, err = readBounded(response.Body, max(r.limit, 64<<10))
	return a, err
}

func readBounded(from io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLarge
	}
	return body, err
}

// retryable is what the problem document says, and nil when it says nothing.
func (a answer) retryable() *bool {
	var problem struct {
		Retryable *bool `json:"retryable"`
	}
	if json.Unmarshal(a.body, &problem) != nil {
		return nil
	}
	return problem.Retryable
}

// passing tells whether the same request may succeed later.
func (a answer) passing() bool {
	return a.status == 429 || a.status >= 500 || a.status == 401 || a.status == 403 || a.status < 400
}

func (a answer) retryAfter() (time.Duration, bool) {
	const longest = 100 * 365 * 24 * time.Hour
	text := strings.TrimSpace(a.header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longest/time.Second))) * time.Second, true
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(until.Sub(now), 0), longest), true
}

// pacing is one row of failures: the pause begins with the poll interval and doubles up to the maximum.
type pacing struct {
	first, most time.Duration
	failures    int
	until       time.Time
}

func (p *pacing) good() { p.failures, p.until = 0, time.Now().Add(p.first) }

func (p *pacing) failed(a answer) {
	p.failures++
	pause := p.first
	for n := 1; n < p.failures && pause < p.most; n++ {
		pause *= 2
	}
	pause = min(pause, p.most)
	pause = pause/2 + rand.N(pause/2+1)
	if told, ok := a.retryAfter(); ok {
		pause = max(told, p.first)
	}
	p.until = time.Now().Add(pause)
}

// refused is for an answer with status 200 that cannot be used: the pause grows, within the bounds of polling.
func (p *pacing) refused() {
	p.failed(answer{})
	now := time.Now()
	earliest, latest := now.Add(p.first), now.Add(p.first*5/2)
	if p.until.Before(earliest) {
		p.until = earliest
	}
	if p.until.After(latest) {
		p.until = latest
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// windows are the parts of a day, in seconds of UTC, in which a request may begin; none means always.
type windows [][2]int

func (w windows) String() string { return fmt.Sprint([][2]int(w)) }

func (w *windows) Set(text string) error {
	from, to, _ := strings.Cut(text, "-")
	var ends [2]int
	for n, part := range []string{from, to} {
		t, err := time.Parse(time.TimeOnly, part)
		if err != nil {
			return err
		}
		ends[n] = t.Hour()*3600 + t.Minute()*60 + t.Second()
	}
	*w = append(*w, ends)
	return nil
}

func (w windows) open(now time.Time) bool {
	now = now.UTC()
	second := now.Hour()*3600 + now.Minute()*60 + now.Second()
	for _, one := range w {
		inside := second >= one[0] && second < one[1]
		if one[1] <= one[0] {
			inside = second >= one[0] || second < one[1]
		}
		if inside {
			return true
		}
	}
	return len(w) == 0
}

func (w windows) wait(ctx context.Context) error {
	for !w.open(time.Now()) {
		untilNextSecond := time.Second - time.Duration(time.Now().Nanosecond())
		if err := sleep(ctx, untilNextSecond); err != nil {
			return err
		}
	}
	return ctx.Err()
}
