"""What a person has to do before a run without test control: one page for this very run."""

from pathlib import Path
from textwrap import dedent

from wos_conformance.reach import reach
from wos_conformance.specification import Specification
from wos_conformance.suite.settings import Settings

_POLLS, _TIMEOUTS, _BACKOFFS = 400, 15, 20
"""How often a run waits for each of the declared times, roughly."""


def briefing(settings: Settings) -> str:
    """The page: where the agent finds its WOS, what to install, what will happen and for how long."""
    declared, folder = settings.declared, Path(settings.credentials or "")
    reached = reach(Specification.load(), settings.role, settings.features)
    seconds = (
        _POLLS * declared["poll_interval"]
        + _TIMEOUTS * declared["request_timeout"]
        + _BACKOFFS * declared["max_backoff"]
    )
    return dedent(f"""\
        A run without test control. Set up your agent like this, then start it:

          WOS URL         https://{settings.listen}
          SVID            {folder / "pool" / "agent-0.pem"}
          key             {folder / "pool" / "key.pem"}
          trust bundle    {folder / "trust-bundle.pem"}
          poll interval   {declared["poll_interval"]:g} s
          request timeout {declared["request_timeout"]:g} s
          back-off        at most {declared["max_backoff"]:g} s
          storage         empty

        The run begins when the agent has asked for its first manifest, and waits
        for that for {settings.arrival:.0f} s. Leave the agent alone until the run ends.
        It will be given deployments, good manifests and bad ones; it will meet errors,
        late answers and wrong certificates. What it runs is believed as it reports.
        Afterwards, empty its storage: the last manifest is not meant to stay.

        Expected time   {max(1, round(seconds / 60))} min
        Rules           this level reaches {reached["0"]} MUST of {reached["1"]} that the test control reaches
        """)
