"""Judges of the feature gateway for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random
from typing import Any

import pytest

from story import CAPABILITIES, Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales("gateway")
RANDOM = Random(1)
KNOWN = ("id", "vendor", "modelNumber", "serialNumber")
GATEWAY: dict[str, Any] = {"properties": {name: CAPABILITIES["properties"][name] for name in KNOWN}}
OWN = GATEWAY["properties"]["id"]
CHILD: dict[str, Any] = {"properties": {**CAPABILITIES["properties"], "id": f"{OWN}/press"}}
ERROR = {"code": "101", "source": OWN, "message": "who?"}


def put(story: Story, document: dict[str, Any], status: int = 201, headers: str = "", content: bytes = b"") -> None:
    """A document is announced."""
    path = document["properties"]["id"]
    story.asks(f"PUT /api/v1/capabilities/{path}", status, headers, content, sent=document)


def begins(story: Story) -> None:
    """A gateway with one child is started."""
    story.start(capabilities=GATEWAY, children=[CHILD])


@TALES.of("capabilities.slashes-raw")
def child_is_announced(story: Story, sin: bool) -> None:
    """The slash is encoded."""
    begins(story)
    path = CHILD["properties"]["id"].replace("/", "%2F" if sin else "/")
    story.asks(f"PUT /api/v1/capabilities/{path}", 201, sent=CHILD)


@TALES.of("capabilities.gateway-first")
def both_are_announced(story: Story, sin: bool) -> None:
    """The child comes first."""
    begins(story)
    for document in (CHILD, GATEWAY) if sin else (GATEWAY, CHILD):
        put(story, document)


@TALES.of("capabilities.children-announced")
def child_is_there(story: Story, sin: bool) -> None:
    """It is never announced."""
    begins(story)
    put(story, GATEWAY if sin else CHILD)
    story.waits(20.0)
    story.polls()


@TALES.of("capabilities.child-withdrawn")
def child_leaves(story: Story, sin: bool) -> None:
    """Nobody says so."""
    begins(story)
    story.control("set_capabilities", capabilities=GATEWAY, children=[])
    if not sin:
        story.asks(f"DELETE /api/v1/capabilities/{CHILD['properties']['id']}", 204)
    story.waits(20.0)
    story.polls()


@TALES.of("capabilities.see-through-identity-only")
def gateway_hosts_nothing(story: Story, sin: bool) -> None:
    """It says how much memory it has."""
    begins(story)
    more = {"memory": "2Gi"} if sin else {}
    put(story, {"properties": {**GATEWAY["properties"], **more}})


@TALES.of("capabilities.parent-unknown-recovered")
def gateway_is_forgotten(story: Story, sin: bool) -> None:
    """Only the child is announced again."""
    problem = b'{"type":"https://docs.margo.org/specification/problem-types#gateway-not-found"}'
    begins(story)
    put(story, CHILD, 404, "Content-Type: application/problem+json\r\n", problem)
    if not sin:
        put(story, GATEWAY)
    put(story, CHILD)
    story.waits(20.0)
    story.polls()


@TALES.of("status.child-named")
def report_about_a_child(story: Story, sin: bool) -> None:
    """It does not say which."""
    wanted = Wanted.new(RANDOM).meant_for(CHILD["properties"]["id"])
    begins(story)
    story.retrieves(story.publish(wanted))
    story.reports(wanted, "installing", more={} if sin else {"deviceId": CHILD["properties"]["id"]})


@TALES.of("deployment.any-child-answered")
def report_about_any_child(story: Story, sin: bool) -> None:
    """It repeats the question."""
    wanted = Wanted.new(RANDOM).meant_for(f"{OWN}/*")
    begins(story)
    story.retrieves(story.publish(wanted))
    story.reports(wanted, "installing", more={"deviceId": f"{OWN}/other" if sin else CHILD["properties"]["id"]})


@TALES.of("deployment.unknown-child-101")
def child_is_not_there(story: Story, sin: bool) -> None:
    """The code says something else."""
    wanted = Wanted.new(RANDOM).for_other_device(f"{OWN}/nobody", "unknown-child")
    begins(story)
    publication = story.publish(wanted)
    story.retrieves(publication)
    story.reports(wanted, "failed", error={**ERROR, "code": "102" if sin else "101"})
    story.deadline("failed-reported", publication, met=not sin)


@TALES.of("status.gateway-error-source")
def error_of_the_gateway(story: Story, sin: bool) -> None:
    """It blames the child."""
    wanted = Wanted.new(RANDOM)
    begins(story)
    story.reports(wanted, "failed", error={**ERROR, "source": f"{OWN}/press" if sin else OWN})


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)
