"""Judges of the chapter capabilities for an agent: a story that keeps each rule, and the same one with a sin."""

from random import Random

import pytest

from story import CAPABILITIES, Story, Tales
from wos_conformance.suite.agent.wanted import Wanted

TALES = Tales()
GOOD = Wanted.new(Random(1))


def without(member: str) -> dict[str, object]:
    """The capabilities without one member."""
    return {"properties": {k: v for k, v in CAPABILITIES["properties"].items() if k != member}}


@TALES.of("capabilities.announced-first")
def agent_starts_twice(story: Story, sin: bool) -> None:
    """The second time it asks at once."""
    story.start()
    story.announces()
    story.polls()
    story.control("stop")
    story.start()
    if not sin:
        story.announces()
    story.polls()
    story.announces()


@TALES.of("capabilities.body-valid")
def document_is_sent(story: Story, sin: bool) -> None:
    """It lacks everything."""
    story.start()
    story.announces({"properties": {}} if sin else CAPABILITIES)


@TALES.of("capabilities.body-valid")
def document_is_written(story: Story, sin: bool) -> None:
    """It is no JSON."""
    story.start()
    story.announces(b"{" if sin else CAPABILITIES)


@TALES.of("capabilities.path-names-device")
def device_is_named(story: Story, sin: bool) -> None:
    """It has another id in the document."""
    name = "press-8" if sin else "press-7"
    story.start()
    story.announces(CAPABILITIES | {"properties": CAPABILITIES["properties"] | {"id": name}})


@TALES.of("capabilities.hosting-complete")
def device_runs_something(story: Story, sin: bool) -> None:
    """It did not say how much storage it has."""
    story.start()
    story.announces(without("storage") if sin else None)
    story.adopts(GOOD)


@TALES.of("capabilities.hosting-complete")
def device_says_that_it_collects(story: Story, sin: bool) -> None:
    """It says that it does not."""
    story.start()
    story.announces({"properties": {**CAPABILITIES["properties"], "otelCollector": not sin}})
    story.adopts(GOOD)


@TALES.of("capabilities.announcement-repeated")
def announcement_is_refused_for_a_while(story: Story, sin: bool) -> None:
    """It never comes again."""
    story.start()
    story.announces(status=503)
    story.waits(5.0)
    story.polls() if sin else story.announces()
    story.waits(20.0)
    story.polls()


@TALES.of("capabilities.change-announced")
def offer_changes(story: Story, sin: bool) -> None:
    """The old one is announced again."""
    story.start()
    story.announces()
    other = {"properties": {**CAPABILITIES["properties"], "memory": "1Gi"}}
    story.control("set_capabilities", capabilities=other)
    story.announces(None if sin else other)
    story.waits(20.0)
    story.polls()


@TALES.of("capabilities.change-announced")
def offer_changes_and_changes_back(story: Story, sin: bool) -> None:
    """The way back is kept secret."""
    other = {"properties": {**CAPABILITIES["properties"], "memory": "1Gi"}}
    story.start()
    story.control("set_capabilities", capabilities=other)
    story.announces(other)
    story.waits(20.0)
    story.control("set_capabilities", capabilities=CAPABILITIES)
    if not sin:
        story.announces()
    story.waits(20.0)
    story.polls()


def test_offer_that_stays_the_same_need_not_be_announced() -> None:
    """Whatever else has changed with it."""
    story = Story()
    story.start()
    story.control("set_capabilities", capabilities=CAPABILITIES, children=[])
    story.waits(20.0)
    story.polls()
    assert story.verdicts("capabilities.change-announced") == set()


@pytest.mark.parametrize("name", TALES)
def test_rule_is_judged(name: str) -> None:
    """Both ways."""
    TALES.assert_judged(name)


def test_incomplete_device_that_runs_nothing_is_no_occasion() -> None:
    """It hosts nothing."""
    story = Story()
    story.start()
    story.announces(without("cpus"))
    story.polls()
    assert story.verdicts("capabilities.hosting-complete") == set()


def test_announcement_may_have_got_lost() -> None:
    """Whoever broke the first connection, the suite has not seen what was to be asked on it."""
    for lost in (False, True):
        story = Story()
        story.start()
        if lost:
            story.connects(None, "handshake-failed", failure="[Errno 104] Connection reset by peer")
        story.polls()
        assert story.verdicts("capabilities.announced-first") == (set() if lost else {False})


def test_announcement_may_have_got_lost_on_an_open_connection() -> None:
    """A reset can look like an end: nothing has arrived on the connection."""
    story = Story()
    story.start()
    story.closes(story.connects(None), 0)
    story.polls()
    assert not story.judged("capabilities.announced-first")
