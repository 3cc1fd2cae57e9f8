"""Judges of what an agent reports: a story that keeps each rule, and the same one with a sin."""

from random import Random
from typing import Any

import pytest

from story import Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
RANDOM = Random(1)
GOOD, OTHER = Wanted.new(RANDOM, components=2), Wanted.new(RANDOM)
NEWER = GOOD.changed(RANDOM)


def states(*found: str) -> list[dict[str, Any]]:
    """The components of a report, in these states."""
    parts = GOOD.application["deploymentProfiles"][0]["components"]
    return [{"name": part["name"], "state": state} for part, state in zip(parts, found, strict=True)]


@TALES.of("status.body-valid")
def report_has_a_state(story: Story, sin: bool) -> None:
    """Nobody knows it."""
    story.start()
    story.reports(GOOD, "asleep" if sin else "installed")


@TALES.of("status.body-valid")
def report_is_written(story: Story, sin: bool) -> None:
    """It is no JSON."""
    story.start()
    story.reports(GOOD, "installed")
    if sin:
        story.asks(f"POST /api/v1/deployments/{GOOD.deployment_id}/status", sent=b"{")


@TALES.of("status.path-names-deployment")
def report_has_a_path(story: Story, sin: bool) -> None:
    """It is that of another deployment."""
    sent = {"deploymentId": GOOD.deployment_id, "adoptedManifestVersion": 1, "status": {"state": "pending"}}
    path = (OTHER if sin else GOOD).deployment_id
    story.start()
    story.asks(f"POST /api/v1/deployments/{path}/status", sent={**sent, "components": []})


def moved(*reported: str, sinful: str) -> None:
    """These states are reported in turn; the sin is the last one."""

    @TALES.of("status.legal-order")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        for state in (*reported[:-1], sinful if sin else reported[-1]):
            story.reports(GOOD, state)


moved("pending", "installing", "installed", "removing", sinful="pending")
moved("pending", "pending", sinful="removed")
moved("installing", "installed", "removing", "removed", sinful="installing")


def awaited(what: str, *said: str, left_out: str) -> None:
    """Something is published, and reports about it are awaited; the sin is to leave one out."""

    @TALES.of(f"status.{what}")
    def tell(story: Story, sin: bool) -> None:
        wanted = [NEWER] if what == "installed-reported" else [OTHER]
        story.start()
        story.adopts(GOOD, OTHER)
        publication = story.publish(*wanted)
        story.retrieves(publication)
        for state in said:
            if not (sin and state == left_out):
                story.reports(NEWER, state)
        story.deadline(what, publication, met=not sin)


awaited("installed-reported", "installing", "installed", left_out="installed")
awaited("removed-reported", "removing", "removed", left_out="removed")


@TALES.of("status.installed-reported")
def revision_is_reported(story: Story, sin: bool) -> None:
    """Under the version of before."""
    story.start()
    story.adopts(GOOD)
    publication = story.publish(NEWER)
    story.retrieves(publication)
    story.reports(NEWER, "installed", version=1 if sin else 2)
    story.deadline("installed-reported", publication, met=not sin)


def retrieved(*, bundle: bool) -> None:
    """A deployment is installed; the sin is to say so before there is anything to install."""

    @TALES.of("status.not-before-retrieval")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        publication = story.publish(GOOD)
        if sin:
            story.reports(GOOD, "installing")
        story.retrieves(publication, bundle=bundle)
        story.reports(GOOD, "installed")


retrieved(bundle=False)
retrieved(bundle=True)


@TALES.of("status.not-before-retrieval")
def revision_is_installed(story: Story, sin: bool) -> None:
    """Only the one before was retrieved."""
    story.start()
    story.adopts(GOOD)
    publication = story.publish(NEWER)
    if not sin:
        story.retrieves(publication)
    story.reports(NEWER, "installing")


@TALES.of("status.tells-the-truth")
def installation_is_reported(story: Story, sin: bool) -> None:
    """Nothing runs."""
    story.start()
    story.adopts(GOOD, OTHER, running=[OTHER] if sin else None)


def listed(*, first: int, names: list[str]) -> None:
    """A report lists components; the sin is to leave one out, or to name another one."""

    @TALES.of("status.components-complete")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.retrieves(story.publish(GOOD))
        right = states("installed", "installed")
        more = [{"name": name, "state": "installed"} for name in names]
        story.reports(GOOD, "installed", components=right[first:] + more if sin else right)


listed(first=1, names=[])
listed(first=0, names=["other"])
listed(first=1, names=["other"])


def severe(overall: str, *parts: str, sinful: str) -> None:
    """Components are in these states; the sin is this state of the deployment."""

    @TALES.of("status.most-severe-state")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.reports(GOOD, sinful if sin else overall, components=states(*parts))


severe("installing", "installed", "installing", sinful="installed")
severe("removing", "removed", "removing", sinful="removed")
severe("installed", "installed", "installed", sinful="installing")


@TALES.of("status.adopted-version")
def version_is_known(story: Story, sin: bool) -> None:
    """It is one that was never published."""
    story.start()
    story.retrieves(story.publish(GOOD))
    story.reports(GOOD, "installed", version=7 if sin else 1)


@TALES.of("status.adopted-version")
def version_is_published(story: Story, sin: bool) -> None:
    """The agent has not seen it yet."""
    story.start()
    story.retrieves(story.publish(GOOD))
    publication = story.publish(NEWER)
    if not sin:
        story.retrieves(publication)
    story.reports(NEWER, "installed")


@TALES.of("status.adopted-version-advances")
def revision_is_adopted(story: Story, sin: bool) -> None:
    """It is reported under the version of before."""
    story.start()
    story.adopts(GOOD)
    publication = story.publish(NEWER)
    story.retrieves(publication)
    story.reports(NEWER, "installed", version=1 if sin else 2)
    story.deadline("adopted", publication)


def unheard(status: int | None) -> None:
    """A report is not taken; the sin is to go on with the next one."""

    @TALES.of("status.repeated-after-failure")
    def tell(story: Story, sin: bool) -> None:
        story.start()
        story.reports(GOOD, "installing", status=status)
        if not sin:
            story.reports(GOOD, "installing")
        story.reports(GOOD, "installed")


for _status in (None, 429, 503):
    unheard(_status)


@TALES.of("status.repeated-after-failure")
def report_gets_lost(story: Story, sin: bool) -> None:
    """Nothing more is said."""
    story.start()
    story.reports(GOOD, "installing", status=None)
    story.waits(12.0)
    if not sin:
        story.reports(GOOD, "installing")
    story.waits(2.0)
    story.polls()


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
