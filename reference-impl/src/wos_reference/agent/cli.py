"""The command `reference-agent`: `run` is the agent; the others look at it, bind it, free it or let a test steer it."""

import argparse
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from types import FrameType

from wos_reference.agent import control, journal
from wos_reference.agent.agent import Agent, News
from wos_reference.agent.configuration import ConfigurationError, load
from wos_reference.agent.identity import IdentityError, own_spiffe_id
from wos_reference.agent.keeper import IdentityKeeper
from wos_reference.agent.ledger import Ledger, LedgerError, release_state
from wos_reference.agent.overview import look
from wos_reference.agent.runtime.selection import runtime_of
from wos_reference.agent.transport import Transport
from wos_reference.agent.workshop import carry_out

EXIT_USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code (2 for a configuration that cannot be used)."""
    options = _parser().parse_args(arguments)
    journal.begin()
    try:
        return int(options.command(options))
    except (ConfigurationError, IdentityError, LedgerError, OSError) as error:
        print(f"reference-agent: {error}", file=sys.stderr)
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reference-agent")
    commands = parser.add_subparsers(required=True)
    for command, purpose in (
        (run, "run the agent until SIGTERM"),
        (status, "print as JSON what the agent has adopted and what became of it"),
        (enrol, "obtain SVID and trust bundle from the identity service, and end when they are there"),
        (release, "forget the WOS and everything that belongs to it; what runs goes on"),
    ):
        agent = commands.add_parser(command.__name__, help=purpose)
        agent.add_argument("--config", type=Path, required=True, metavar="FILE")
        agent.set_defaults(command=command)
    supervisor = commands.add_parser("test-control", help="answer the test-control contract for role agent")
    supervisor.add_argument("--listen", default="127.0.0.1:0", metavar="127.0.0.1:PORT")
    supervisor.add_argument("--token-file", type=Path, required=True, metavar="FILE")
    supervisor.add_argument("--folder", type=Path, required=True, metavar="DIR")
    supervisor.add_argument("--ready-file", type=Path, required=True, metavar="FILE")
    supervisor.set_defaults(command=answer_control)
    return parser


def run(options: argparse.Namespace) -> int:
    """Run the agent that `options.config` describes until SIGTERM or SIGINT."""
    news = stop_on_signal()
    configuration = load(options.config)
    ledger, transport = Ledger(configuration.state), Transport(configuration)
    Agent(configuration, ledger, runtime_of(configuration), transport, news).run()
    return 0


def status(options: argparse.Namespace) -> int:
    """Print the adopted version, the deployments with their states and how many reports are still in line."""
    print(json.dumps(look(load(options.config).state), indent=2))
    return 0


def enrol(options: argparse.Namespace) -> int:
    """Ask the identity service, as often as it takes, until SVID and trust bundle are there."""
    configuration = load(options.config)
    if not configuration.identity_service:
        raise ConfigurationError("identity_service is missing")
    keeper = IdentityKeeper(configuration, lambda: None)
    while not (configuration.svid.exists() and configuration.trust_bundle.exists()):
        work = keeper.work()
        result, error = None, None
        with suppress(StopIteration):
            while True:
                result, error = carry_out(work.throw(error) if error else work.send(result))
        Event().wait(min(1.0, configuration.poll_interval))
    print(f"{own_spiffe_id(configuration.svid)} is here")
    return 0


def release(options: argparse.Namespace) -> int:
    """Forget version, tags, reports, SVID and trust bundle of the WOS; its address stays in the configuration."""
    configuration = load(options.config)
    release_state(configuration.state)
    print("released; name another WOS in the configuration before the next start")
    return 0


def stop_on_signal() -> SimpleQueue[News]:
    """A queue into which SIGTERM and SIGINT put STOP; they also end a request that is under way.

    The ledger survives that. A queue, because an event or a lock that the interrupted code holds would lock the
    process for ever.
    """
    news: SimpleQueue[News] = SimpleQueue()

    def end(signal_number: int, frame: FrameType | None) -> None:
        news.put(News.STOP)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return news


def answer_control(options: argparse.Namespace) -> int:
    """Answer the test control until SIGTERM or SIGINT."""
    stop_on_signal()
    return control.serve(options.listen, options.token_file, options.folder, options.ready_file, run_with)


def run_with(configuration: Path) -> int:
    """Run the agent that a configuration describes; returns its exit code."""
    return main(["run", "--config", str(configuration)])
