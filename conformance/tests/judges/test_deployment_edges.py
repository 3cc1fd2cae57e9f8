"""Where the rules about deployments end: what is no occasion for them, and what is just one."""

import json
from random import Random
from typing import Any

import msgspec
import pytest

from judges.test_registry_agent import REGISTRY, hand_out, wanted_of
from story import DECLARED, Story
from visits import Assigned, Visits
from wos_conformance.drive import package
from wos_conformance.drive.package import Package
from wos_conformance.suite.agent.wanted import Wanted

RANDOM = Random(1)
GOOD = Wanted.new(RANDOM)
CHART = Wanted.new(RANDOM, kind="helm")
BROKEN = {"answer": "Content-Encoding: gzip", "content": b"no gzip"}


def kept(story: Any, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"deployment.{requirement}")]


def begun() -> Story:
    """An agent was started."""
    story = Story(["helm", "compose"])
    story.start()
    return story


def shows(wanted: list[Wanted], running: list[Wanted], **more: Any) -> Story:
    """Deployments are adopted, and these are seen to run."""
    story = begun()
    publication = story.publish(*wanted)
    story.retrieves(publication)
    story.deadline("adopted", publication)
    story.look(*running, **more)
    story.polls()
    return story


def test_parameters_are_asked_of_what_was_adopted() -> None:
    """By a look, and not when it must not be adopted."""
    story = begun()
    for defect in (None, "tag-wrong"):
        publication = story.publish(GOOD, defect=defect)
        story.retrieves(publication)
        story.look()
        story.deadline("adopted", publication)
        assert kept(story, "parameters-applied") == []
    story.look(GOOD.having({"rate": 8}))
    assert kept(story, "parameters-applied") == []


def test_parameters_are_asked_of_each_component_that_runs() -> None:
    """One that does not hides none, nor one of another revision, nor one without parameters."""
    bare, other = Wanted.new(RANDOM).with_parameters({}), Wanted.new(RANDOM)
    newer = GOOD.changed(RANDOM)
    for wanted in ([GOOD, other], [other, GOOD]):
        assert kept(shows(wanted, [other.having({"rate": 8})]), "parameters-applied") == [False]
    for rule in ("parameters-applied", "compose-environment-set"):
        assert kept(shows([bare], [bare]), rule) == []
        assert kept(shows([GOOD, other], [newer, other.having({"rate": 8})]), rule) == [False]


def test_values_are_asked_of_each_component_of_a_type() -> None:
    """One of the other type hides none, nor one that does not run."""
    wrong, other = GOOD.having({"rate": 8}), Wanted.new(RANDOM)
    assert kept(shows([CHART, other, GOOD], [CHART, wrong]), "compose-environment-set") == [False]


def test_chart_is_looked_for_in_its_namespace() -> None:
    """Nobody looks for anything else there."""
    assert kept(shows([GOOD, CHART], [GOOD, CHART], namespace="x"), "helm-namespace-used") == [False]
    assert kept(shows([CHART], [CHART.changed(RANDOM)], namespace="x"), "helm-namespace-used") == []


def test_deployment_that_ran_before_hides_no_other() -> None:
    """It may run on in its old revision."""
    odd = [Wanted.new(RANDOM), Wanted.new(RANDOM)]
    first, second = sorted(odd, key=lambda wanted: wanted.deployment_id)
    story = begun()
    story.adopts(GOOD, first)
    hopeless = [wanted.only_where("line", 3, holds=False) for wanted in (first, second)]
    story.adopts(GOOD, *hopeless, running=[GOOD, *hopeless])
    assert kept(story, "ineligible-not-run") == [False]


def test_report_about_nothing_that_was_published_hides_no_other() -> None:
    """Its order is nobody's."""
    wanted = Wanted.new(RANDOM, 2)
    names = [part["name"] for part in wanted.application["deploymentProfiles"][0]["components"]]
    story = begun()
    story.publish(wanted)
    for version in (7, 1):
        states = [{"name": name, "state": "installing"} for name in names]
        story.reports(wanted, "installing", version, components=states)
    assert kept(story, "compose-in-order") == [False]


def impatient(timeout: Any, interval: float = 1.0) -> tuple[Story, Wanted]:
    """A component with a timeout is being installed by an agent with this interval."""
    wanted = GOOD.impatient(timeout)
    story = begun()
    story.events[0] = msgspec.structs.replace(story.events[0], declared=DECLARED | {"poll_interval": interval})
    story.retrieves(story.publish(wanted))
    story.reports(wanted, "installing")
    return story, wanted


@pytest.mark.parametrize(
    ("timeout", "interval", "bound"),
    [("1m", 1.0, 65.0), ("30s", 1.0, 35.0), ("1m30s", 1.0, 95.0), ("5s", 4.0, 19.0)],
)
def test_component_fails_after_its_timeout(timeout: str, interval: float, bound: float) -> None:
    """Three intervals and one timeout of a request may be added."""
    for late in (-0.3, 0.3):
        story, wanted = impatient(timeout, interval)
        story.waits(bound - 0.1 + late)
        story.reports(wanted, "failed")
        assert kept(story, "compose-timeout-fails") == [late < 0]


@pytest.mark.parametrize("timeout", ["", 5])
def test_component_without_a_timeout_takes_its_time(timeout: object) -> None:
    """As long as it is none that can be read."""
    story, wanted = impatient(timeout)
    story.waits(600.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []


@pytest.mark.parametrize(
    ("state", "early", "verdicts"), [("installing", 0.3, []), ("installing", -0.3, [False]), ("installed", -0.3, [])]
)
def test_component_that_is_never_ready_is_waited_for(state: str, early: float, verdicts: list[bool]) -> None:
    """Until its bound, unless it was installed once."""
    story, wanted = impatient("5s")
    story.reports(wanted, state)
    story.waits(10.0 - 0.2 - early)
    story.polls()
    assert kept(story, "compose-timeout-fails") == verdicts
    story.waits(5.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == ([] if state == "installed" else [False])


def test_component_that_never_began_is_not_waited_for() -> None:
    """Nor one of an agent that was stopped before its bound."""
    story, wanted = impatient("5s")
    story.control("stop")
    story.waits(5.0)
    story.start()
    story.waits(10.0)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []
    story = begun()
    story.publish(wanted)
    story.reports(wanted, "failed")
    assert kept(story, "compose-timeout-fails") == []


def made(kind: str, flaw: str) -> Package:
    """A package with a flaw."""
    return package.chart("c", "1.0.0", flaw) if kind == "helm" else package.compose("c", "1.0.0", flaw, REGISTRY)


def handed_out(*odd: Wanted, running: list[Wanted], flaw: str = "bytes-altered", **more: Any) -> Story:
    """Deployments have packages with a flaw; what is handed out of them is told by `more`."""
    good = wanted_of("compose")
    story = begun()
    publication = story.publish(good, *odd)
    story.retrieves(publication)
    for one in more.get("pulled", odd):
        kind = one.application["deploymentProfiles"][0]["type"]
        hand_out(story, one, made(kind, flaw))
    story.polls()
    story.deadline("adopted", publication)
    story.look(good, *running)
    return story


def test_package_of_another_type_is_a_matter_of_its_own_rule() -> None:
    """So is one with another flaw."""
    chart, hostile = wanted_of("helm", "bytes-altered"), wanted_of("compose", "archive-parent-path")
    assert kept(handed_out(chart, running=[chart]), "compose-archive-verified") == []
    assert kept(handed_out(hostile, running=[hostile]), "compose-archive-verified") == []


def test_package_that_was_not_handed_out_hides_no_other() -> None:
    """The one that was must not run."""
    odd = [wanted_of("compose", "bytes-altered") for _ in range(2)]
    _, second = sorted(odd, key=lambda wanted: wanted.deployment_id)
    assert kept(handed_out(*odd, running=[second], pulled=[second]), "compose-archive-verified") == [False]


def test_package_is_refused_by_an_agent_that_runs_the_others() -> None:
    """And lives: an agent that runs nothing has refused nothing."""
    odd = wanted_of("compose", "bytes-altered")
    story = handed_out(odd, running=[])
    assert kept(story, "compose-archive-verified") == [True]
    story.events[-1].response["workloads"].clear()
    assert kept(story, "compose-archive-verified") == []


def asks(story: Story, wanted: Wanted, request: str, reference: str, status: int = 200, content: bytes = b"") -> None:
    """Something is asked of whoever had the last connection."""
    place = f"/v2/{wanted.repositories[0].removeprefix(f'oci://{REGISTRY}/')}"
    connection = story.events[-1].connection
    story.asks(f"{request} {place}/{reference}", status, "", content, client="", connection=connection)


@pytest.mark.parametrize("name", ["registry-double", "somebody"])
def test_registry_hands_out_what_it_answers_with_200(name: str) -> None:
    """To GET; other answers hide nothing, and those of others do not count."""
    good, odd = wanted_of("compose"), wanted_of("compose", "bytes-altered")
    flawed = made("compose", "bytes-altered")
    digest = json.loads(flawed.manifest)["layers"][0]["digest"]
    story = begun()
    publication = story.publish(good, odd)
    story.retrieves(publication)
    story.connects(None, name=name)
    story.asks("GET /v2/", client="", connection=story.events[-1].connection)
    asks(story, odd, "GET", "manifests/1.0.0", 404)
    asks(story, odd, "HEAD", "manifests/1.0.0")
    asks(story, odd, "GET", "manifests/1.0.0", content=flawed.manifest)
    asks(story, odd, "GET", f"blobs/{digest}")
    story.deadline("adopted", publication)
    story.look(good, odd)
    assert kept(story, "compose-archive-verified") == ([False] if name == "registry-double" else [])


def test_container_ends_where_something_ran_before() -> None:
    """A manifest that must not be adopted is no occasion, nor is an agent of which nothing was seen to run."""
    good, odd = wanted_of("compose"), wanted_of("compose", "container-ends")
    story = begun()
    for seen, defect, verdicts in (
        (None, None, []),
        ([], None, []),
        ([good], "tag-wrong", []),
        ([good], None, [False]),
    ):
        if seen is not None:
            story.look(*seen)
        publication = story.publish(good, odd, defect=defect)
        story.retrieves(publication)
        hand_out(story, odd, made("compose", "container-ends"))
        story.deadline("failed-reported", publication, met=False)
        assert kept(story, "compose-exit-fails") == verdicts


def test_manifest_that_cannot_be_read_hides_no_other() -> None:
    """The next one has to name what was updated, and to leave the others alone."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.update(wanted)
    story.serves(3, **BROKEN)
    other.values = {"rate": 1}
    story.serves(3, other)
    assert kept(story, "update-keeps-id") == [False]


def test_deployment_that_was_not_changed_keeps_its_digest() -> None:
    """A manifest that cannot be read, or follows no change, hides nothing; nor does what was changed."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.serves(2, **BROKEN)
    story.serves(2, wanted, other)
    story.update(wanted)
    story.update(other)
    other.values = {"rate": 1}
    story.serves(3, wanted, other)
    assert kept(story, "other-deployments-untouched") == []
    story.update(wanted)
    other.values = {"rate": 2}
    story.serves(4, wanted, other)
    assert kept(story, "other-deployments-untouched") == [False]
