// An agent of the WOS–Agent interface, version 1.0, with a runtime that only pretends.
// This file reads the options and decides which of the three programs is meant: run, release or shim.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type options struct {
	wos, svid, key, trust, state, capabilities string
	interval, timeout, maxBackoff              time.Duration
	windows                                    windows
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if len(os.Args) < 2 {
		log.Fatal("usage: go-agent run|release|shim [options]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	programs := map[string]func(context.Context, []string) error{"run": run, "release": release, "shim": shim}
	program, known := programs[os.Args[1]]
	if !known {
		log.Fatalf("no program %q", os.Args[1])
	}
	if err := program(ctx, os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	a, err := newAgent(o)
	if err != nil {
		return err
	}
	defer a.ledger.close()
	fmt.Println("ready")
	a.run(ctx)
	return nil
}

// release forgets version, tag, reports and identity; what runs keeps running.
func release(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	folder := flags.String("state", "", "state folder")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := openLedger(*folder)
	if err != nil {
		return err
	}
	defer l.close()
	l.forget("")
	return nil
}

func readOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&o.wos, "wos", "", "https URL of the WOS, without a path")
	flags.StringVar(&o.svid, "svid", "", "SVID and intermediates, PEM")
	flags.StringVar(&o.key, "key", "", "private key of the SVID, PEM")
	flags.StringVar(&o.trust, "trust", "", "trust bundle, PEM")
	flags.StringVar(&o.state, "state", "", "state folder")
	flags.StringVar(&o.capabilities, "capabilities", "", "capabilities document, JSON; sent as it is, and again when it changes")
	flags.DurationVar(&o.interval, "poll-interval", 30*time.Second, "time between an answer and the next request for the manifest")
	flags.DurationVar(&o.timeout, "request-timeout", 10*time.Second, "longest time to wait for one answer")
	flags.DurationVar(&o.maxBackoff, "max-backoff", 5*time.Minute, "longest pause after failures")
	flags.Var(&o.windows, "poll-window", "HH:MM:SS-HH:MM:SS in UTC; may be given several times")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if !strings.HasPrefix(o.wos, "https://") || o.state == "" || o.interval <= 0 || o.timeout <= 0 || o.maxBackoff <= 0 {
		return o, fmt.Errorf("an https URL for -wos, a folder for -state and times above zero are needed")
	}
	o.wos = strings.TrimRight(o.wos, "/")
	return o, nil
}
