"""A scenario that a broken connection has stopped is played again, once; nothing else is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wos_conformance.history import Connection, Credential, Mark
from wos_conformance.report import report
from wos_conformance.suite.conductor import Conductor
from wos_conformance.suite.scene import Blocked, Scene
from wos_conformance.suite.settings import Settings

NAME = "desired-state::situation"
RULE = "identity.wos-tls-version"
RESET, ALERT = "[Errno 104] Connection reset by peer", "tlsv1 alert unknown ca"


@pytest.fixture
def conductor(tmp_path: Path, credentials: Path) -> Iterator[Conductor]:
    """A run in which one scenario is expected."""
    conductor = Conductor(Settings(role="wos", folder=str(tmp_path), seed=1, credentials=str(credentials)))
    conductor.expect(1)
    yield conductor
    conductor.close()


def dial(conductor: Conductor, failure: str | None) -> None:
    """A connection comes about, or fails like this."""
    outcome = "handshake-failed" if failure else "established"
    facts = {"outcome": outcome, "failure": failure, "tls_version": None if failure else "TLSv1.3"}
    conductor.recorder.record(Connection, connection="c", by="suite", credential=Credential(name="good"), **facts)


def played(conductor: Conductor, failure: str | None, error: Exception | None, *, may_repeat: bool = True) -> str:
    """The outcome of a scenario about one rule in which one connection is opened."""
    conductor.begin(NAME, "", [RULE])
    dial(conductor, failure)
    conductor.conclude(error)
    conductor.end(may_repeat=may_repeat)
    return conductor.recorder.history().of(Mark)[-1].outcome


@pytest.mark.parametrize(
    ("failure", "error", "outcome"),
    [
        pytest.param(RESET, Blocked("no answer"), "repeated", id="blocked-by-a-break"),
        pytest.param(RESET, None, "repeated", id="without-occasion-after-a-break"),
        pytest.param(ALERT, Blocked("no answer"), "blocked", id="blocked-by-the-target"),
        pytest.param(None, Blocked("no answer"), "blocked", id="blocked-without-a-break"),
        pytest.param(ALERT, None, "played", id="without-occasion"),
        pytest.param(None, None, "played", id="nothing"),
        pytest.param(RESET, ValueError("bug"), "error", id="stumbled"),
    ],
)
def test_only_what_a_break_has_stopped_is_repeated(
    conductor: Conductor, failure: str | None, error: Exception | None, outcome: str
) -> None:
    """The mark says so, and so does the run."""
    assert played(conductor, failure, error) == outcome
    assert conductor.run.repeats == (outcome == "repeated")


def test_repetition_counts_as_one_scenario(conductor: Conductor, tmp_path: Path) -> None:
    """With another random content and another path; both takes are in the report."""
    played(conductor, RESET, Blocked("no answer"))
    again = Scene(conductor.run, NAME).random.random()
    assert played(conductor, None, None, may_repeat=False) == "played"
    assert Scene(conductor.run, NAME).random.random() != again
    scenarios = report.compute(tmp_path).value["scenarios"]
    assert [scenario["outcome"] for scenario in scenarios] == ["repeated", "played"]
    assert "played again" in scenarios[0]["told"]


def test_repetition_is_not_repeated(conductor: Conductor) -> None:
    """A path that is so bad says nothing."""
    played(conductor, RESET, Blocked("no answer"))
    assert played(conductor, RESET, Blocked("no answer"), may_repeat=False) == "blocked"
