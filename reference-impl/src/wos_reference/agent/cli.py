"""The command `reference-agent`: `run` is the agent, `test-control` lets a test start, cut and look at it."""

import argparse
import logging
import shlex
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

from wos_reference.agent import control
from wos_reference.agent.agent import Agent
from wos_reference.agent.configuration import ConfigurationError, load
from wos_reference.agent.identity import IdentityError
from wos_reference.agent.ledger import Ledger, LedgerError
from wos_reference.agent.runtime.folder import FolderRuntime

EXIT_USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code (2 for a configuration that cannot be used)."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line a request would bury what the agent decides
    return run(options.config) if options.command == "run" else answer_control(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reference-agent")
    commands = parser.add_subparsers(dest="command", required=True)
    agent = commands.add_parser("run", help="run the agent until SIGTERM")
    agent.add_argument("--config", type=Path, required=True, metavar="FILE")
    supervisor = commands.add_parser("test-control", help="answer the test-control contract for role agent")
    supervisor.add_argument("--listen", default="127.0.0.1:0", metavar="127.0.0.1:PORT")
    supervisor.add_argument("--token-file", type=Path, required=True, metavar="FILE")
    supervisor.add_argument("--folder", type=Path, required=True, metavar="DIR")
    supervisor.add_argument("--ready-file", type=Path, required=True, metavar="FILE")
    supervisor.add_argument("--agent-command", type=shlex.split, metavar="COMMAND", help="in place of this agent")
    return parser


def run(file: Path) -> int:
    """Run the agent that `file` describes until SIGTERM or SIGINT."""
    stop = stop_on_signal()
    try:
        configuration = load(file)
        ledger = Ledger(configuration.state)
        agent = Agent(configuration, ledger, FolderRuntime(configuration.state / "workloads"))
    except (ConfigurationError, IdentityError, LedgerError, OSError) as error:
        print(f"reference-agent: {error}", file=sys.stderr)
        return EXIT_USAGE
    agent.run(stop)
    return 0


def stop_on_signal() -> SimpleQueue[None]:
    """A queue that SIGTERM and SIGINT fill; they also end a request that is under way, which the ledger survives.

    A queue, because an event or a lock that the interrupted code holds would lock the process for ever.
    """
    stop: SimpleQueue[None] = SimpleQueue()

    def end(signal_number: int, frame: FrameType | None) -> None:
        stop.put(None)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return stop


def answer_control(options: argparse.Namespace) -> int:
    """Answer the test control until SIGTERM or SIGINT."""
    stop_on_signal()
    command = options.agent_command or [sys.executable, "-m", "wos_reference.agent", "run"]
    return control.serve(options.listen, options.token_file, options.folder, options.ready_file, command)
