"""Judges of what an agent does with packages from a registry: a story that keeps each rule, and one with a sin."""

import hashlib
import json
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


def spoilt(story: Story, kind: str, flaw: str, *, sin: bool) -> None:
    """One of two deployments has a package with a flaw, and does not run but for a sin."""
    good, odd = wanted_of(kind), wanted_of(kind, flaw)
    made = package.chart("c", "1.0.0", flaw) if kind == "helm" else package.compose("c", "1.0.0", flaw, REGISTRY)
    story.start()
    publication = story.publish(good, odd)
    story.retrieves(publication)
    hand_out(story, odd, made)
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
    hand_out(story, odd, package.compose("c", "1.0.0", "container-ends", REGISTRY))
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
    good, odd = (
        package.chart("c", "1.0.0", flaw) if kind == "helm" else package.compose("c", "1.0.0", flaw, REGISTRY)
        for flaw in (None, "bytes-altered")
    )
    assert good.manifest == odd.manifest
    differing = [digest for digest in good.blobs if good.blobs[digest] != odd.blobs[digest]]
    assert differing == [json.loads(good.manifest)["layers"][0]["digest"]]
    assert len(good.blobs[differing[0]]) == len(odd.blobs[differing[0]])
    assert f"sha256:{hashlib.sha256(odd.blobs[differing[0]]).hexdigest()}" != differing[0]
