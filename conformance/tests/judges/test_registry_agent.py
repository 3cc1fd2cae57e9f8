"""Judges of what an agent does with packages from a registry: a story that keeps each rule, and one with a sin."""

import hashlib
import json
from collections.abc import Sequence
from random import Random

import pytest

from story import Story, Tales
from wos_conformance.drive import package
from wos_conformance.drive.package import Package
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales("helm", "compose")
RANDOM = Random(1)
REGISTRY = "localhost:5000"


def wanted_of(kind: str, flaw: str | None = None) -> Wanted:
    """A deployment that the registry has, with a flaw or without."""
    wanted = Wanted.new(RANDOM, kind=kind).kept_at(REGISTRY)
    return wanted.without_hope(flaw) if flaw else wanted


def hand_out(story: Story, wanted: Wanted, package: Package) -> None:
    """The agent gets a package."""
    connection = story.connects(None, name="registry-double").connection
    place = f"/v2/{wanted.repositories[0].removeprefix(f'oci://{REGISTRY}/')}"
    facts = {"client": "", "connection": connection}
    story.asks(f"GET {place}/manifests/1.0.0", content=package.manifest, **facts)
    digest = json.loads(package.manifest)["layers"][0]["digest"]
    story.asks(f"GET {place}/blobs/{digest}", content=package.blobs[digest], **facts)


def made(kind: str, flaw: str | None) -> Package:
    """A package with a flaw, or without."""
    return package.chart("c", "1.0.0", flaw) if kind == "helm" else package.compose("c", "1.0.0", flaw, REGISTRY)


def spoilt(story: Story, kind: str, flaw: str, *, sin: bool) -> None:
    """One of two deployments has a package with a flaw, and does not run but for a sin."""
    good, odd = wanted_of(kind), wanted_of(kind, flaw)
    story.start()
    publication = story.publish(good, odd)
    story.retrieves(publication)
    hand_out(story, odd, made(kind, flaw))
    story.polls()
    story.deadline("adopted", publication)
    story.look(*([good, odd] if sin else [good]))


@TALES.of("deployment.helm-chart-verified")
def chart_has_other_bytes(story: Story, sin: bool) -> None:
    """It runs."""
    spoilt(story, "helm", "bytes-altered", sin=sin)


@TALES.of("deployment.compose-archive-verified")
def archive_has_other_bytes(story: Story, sin: bool) -> None:
    """It runs."""
    spoilt(story, "compose", "bytes-altered", sin=sin)


@TALES.of("deployment.compose-archive-checked")
def archive_is_hostile(story: Story, sin: bool) -> None:
    """It runs."""
    spoilt(story, "compose", "archive-parent-path", sin=sin)


@TALES.of("deployment.compose-exit-fails")
def container_ends(story: Story, sin: bool) -> None:
    """The agent waits on."""
    good, odd = wanted_of("compose"), wanted_of("compose", "container-ends")
    story.start()
    story.adopts(good)
    publication = story.publish(good, odd)
    story.retrieves(publication)
    hand_out(story, odd, made("compose", "container-ends"))
    story.reports(odd, "installing")
    if not sin:
        story.reports(odd, "failed")
    story.deadline("failed-reported", publication, met=not sin)


@TALES.of("deployment.helm-namespace-used")
def chart_runs_somewhere(story: Story, sin: bool) -> None:
    """It is another namespace."""
    wanted = wanted_of("helm")
    story.start()
    publication = story.publish(wanted)
    story.retrieves(publication)
    story.deadline("adopted", publication)
    story.look(wanted, namespace="default" if sin else f"app-{wanted.deployment_id[:8]}")


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", [name for name in TALES if "namespace" not in name])
def test_agent_that_asks_no_registry_is_not_judged(name: str) -> None:
    """Whatever runs there."""
    story = Story(["helm", "compose"])
    TALES[name](story, True)
    asked = [event for event in story.events if "/v2/" in getattr(getattr(event, "request", None), "head", "")]
    story.events = [event for event in story.events if event not in asked]
    assert asked
    assert story.verdicts(name) == set()


def test_agent_that_does_not_tell_the_namespace_is_not_judged() -> None:
    """It may be the right one."""
    story, wanted = Story(["helm"]), wanted_of("helm")
    story.start()
    story.adopts(wanted)
    assert story.verdicts("deployment.helm-namespace-used") == set()


@pytest.mark.parametrize("kind", ["helm", "compose"])
def test_bytes_are_altered_and_nothing_else(kind: str) -> None:
    """The manifest is that of the good package, and the lengths are the same."""
    good, odd = (made(kind, flaw) for flaw in (None, "bytes-altered"))
    assert good.manifest == odd.manifest
    differing = [digest for digest in good.blobs if good.blobs[digest] != odd.blobs[digest]]
    assert differing == [json.loads(good.manifest)["layers"][0]["digest"]]
    assert len(good.blobs[differing[0]]) == len(odd.blobs[differing[0]])
    assert f"sha256:{hashlib.sha256(odd.blobs[differing[0]]).hexdigest()}" != differing[0]


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"deployment.{requirement}")]


def handed_out(*odd: Wanted, running: Sequence[Wanted], pulled: Sequence[Wanted] | None = None) -> Story:
    """Deployments have packages with altered bytes, which are handed out, all or these."""
    good = wanted_of("compose")
    story = Story()
    story.start()
    publication = story.publish(good, *odd)
    story.retrieves(publication)
    for one in odd if pulled is None else pulled:
        kind = one.application["deploymentProfiles"][0]["type"]
        hand_out(story, one, made(kind, "bytes-altered"))
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
    story = Story()
    story.start()
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
    story = Story()
    story.start()
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
