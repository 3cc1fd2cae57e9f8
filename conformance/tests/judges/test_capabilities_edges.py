"""Where the rules about announcements of an agent end, and those for gateways: what is no occasion for them."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from story import CAPABILITIES, DECLARED, Story
from wos_conformance.suite.agent.wanted import Wanted

GOOD = Wanted.new(Random(1))
KNOWN = ("id", "vendor", "modelNumber", "serialNumber")
IDENTITY = {name: CAPABILITIES["properties"][name] for name in KNOWN}
GATEWAY: dict[str, Any] = {"properties": IDENTITY}
TELLING: dict[str, Any] = {"properties": IDENTITY | {"memory": "2Gi"}}
OWN = IDENTITY["id"]
CHILD: dict[str, Any] = {"properties": CAPABILITIES["properties"] | {"id": f"{OWN}/press"}}
CHANGED: dict[str, Any] = {"properties": CAPABILITIES["properties"] | {"memory": "1Gi"}}
UNKNOWN = b'{"type":"https://docs.margo.org/specification/problem-types#gateway-not-found"}'


def kept(story: Story, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"capabilities.{requirement}")]


def declared(interval: float = 4.0) -> Story:
    """An agent polls in this interval."""
    story = Story(["gateway"])
    story.events[0] = replace(story.events[0], declared=DECLARED | {"poll_interval": interval})
    return story


def puts(story: Story, *documents: dict[str, Any], status: int = 201, **facts: Any) -> None:
    """Devices are announced."""
    for document in documents:
        story.asks(f"PUT /api/v1/capabilities/{document['properties']['id']}", status, sent=document, **facts)


def gateway(**given: Any) -> Story:
    """A gateway with one child was started."""
    story = declared(1.0)
    story.start(**{"capabilities": GATEWAY, "children": [CHILD], **given})
    return story


def test_agent_that_was_started_by_hand_announces_itself_too() -> None:
    """Whenever that was."""
    story = Story()
    story.polls()
    story.events[0] = replace(story.events[0], level=0)
    assert kept(story, "announced-first") == [False]


def test_start_without_a_poll_hides_no_other() -> None:
    """Nothing was asked before the announcement."""
    story = Story()
    for _ in range(2):
        story.start()
    story.polls()
    story.control("stop")
    story.start()
    assert kept(story, "announced-first") == [False, False]
    story = Story()
    story.start()
    story.control("stop")
    story.start()
    story.polls()
    assert kept(story, "announced-first") == [False]


def test_document_that_is_not_valid_hides_no_other() -> None:
    """What it says of the device is no matter."""
    story = Story()
    story.start()
    story.announces({"properties": {}})
    story.announces(CHILD)
    assert kept(story, "path-names-device") == [False]


def test_document_that_is_no_json_hides_no_other() -> None:
    """The next one is complete, but for an entry."""
    for name in ("supportedRuntimes", "supportedDeploymentTypes"):
        story = Story()
        story.start()
        story.look(GOOD)
        story.announces(b"{")
        story.announces({"properties": CAPABILITIES["properties"] | {name: []}})
        assert kept(story, "hosting-complete") == [False]


@pytest.mark.parametrize("status", [429, 500, 503, None])
@pytest.mark.parametrize(("interval", "pause", "bound"), [(1.0, 0, 13.0), (4.0, 0, 22.0), (1.0, 5, 18.0)])
def test_announcement_is_waited_for(status: int | None, interval: float, pause: int, bound: float) -> None:
    """Three intervals, one timeout, the longest pause, and what the WOS asked for; one that was taken hides none."""
    for late, again, verdicts in ((-0.3, True, [True]), (0.3, True, [False]), (-0.3, False, []), (0.3, False, [False])):
        story = declared(interval)
        story.start()
        story.announces()
        lasting = {"headers": f"Retry-After: {pause}\r\n"} if pause and status else {}
        story.announces(status=status, **lasting)
        story.waits((bound if lasting else bound - pause) - 0.1 + late)
        story.announces() if again else story.look()
        assert kept(story, "announcement-repeated") == verdicts


@pytest.mark.parametrize(("interval", "bound"), [(1.0, 5.0), (4.0, 14.0)])
def test_change_is_waited_for(interval: float, bound: float) -> None:
    """Three intervals and one timeout; what has not changed hides nothing, nor does a change of nobody."""
    for late, verdicts in ((-0.3, []), (0.3, [False])):
        story = declared(interval)
        story.control("set_capabilities", capabilities=CHANGED)
        story.start()
        story.control("set_capabilities", capabilities=CAPABILITIES)
        story.control("set_capabilities", capabilities=CHANGED)
        story.announces(b"{")
        story.waits(bound - 0.2 + late)
        story.look()
        assert kept(story, "change-announced") == verdicts


def test_announcement_of_a_change_may_have_got_lost() -> None:
    """A connection broke meanwhile."""
    story = declared(1.0)
    story.start()
    story.control("set_capabilities", capabilities=CHANGED)
    story.breaks(story.polls())
    story.waits(20.0)
    story.look()
    assert kept(story, "change-announced") == []


def test_gateway_that_announces_nothing_hides_no_other_start() -> None:
    """In the next one a child comes first."""
    story = gateway()
    story.control("stop")
    story.start(capabilities=GATEWAY, children=[CHILD])
    puts(story, CHILD, GATEWAY)
    assert kept(story, "gateway-first") == [False]


@pytest.mark.parametrize(("late", "verdicts"), [(-0.3, []), (0.3, [False])])
def test_child_that_is_gone_is_withdrawn_in_time(late: float, verdicts: list[bool]) -> None:
    """A change that says nothing of children hides nothing, and takes none away."""
    story = gateway()
    story.control("set_capabilities", capabilities=GATEWAY)
    story.waits(20.0)
    story.look()
    assert kept(story, "child-withdrawn") == []
    story.control("set_capabilities", capabilities=GATEWAY, children=[])
    story.waits(5.0 - 0.1 + late)
    story.look()
    assert kept(story, "child-withdrawn") == verdicts


def test_gateway_that_hosts_may_tell_of_it() -> None:
    """It was given more than its identity, or something runs on it."""
    for given, running in ((TELLING, False), (GATEWAY, True)):
        story = gateway(capabilities=given)
        puts(story, TELLING)
        story.look(*([GOOD] if running else []))
        assert kept(story, "see-through-identity-only") == []


def test_gateway_that_hosts_hides_no_start_in_which_it_does_not() -> None:
    """Nor does the announcement of a child."""
    story = gateway(capabilities=TELLING)
    story.control("stop")
    story.start(capabilities=GATEWAY, children=[CHILD])
    puts(story, CHILD, TELLING)
    assert kept(story, "see-through-identity-only") == [False]


@pytest.mark.parametrize("after", [[CHILD, GATEWAY], [GATEWAY, GATEWAY], [CHILD]])
@pytest.mark.parametrize(("late", "verdicts"), [(-0.5, []), (0.5, [False])])
def test_unknown_gateway_is_announced_before_its_child(
    after: list[dict[str, Any]], late: float, verdicts: list[bool]
) -> None:
    """In time; an announcement that was taken hides nothing."""
    story = gateway()
    puts(story, GATEWAY, CHILD)
    puts(story, CHILD, status=404, headers="Content-Type: application/problem+json\r\n", content=UNKNOWN)
    puts(story, *after)
    story.waits(5.0 - 0.1 * (len(after) + 1) + late)
    story.look()
    assert kept(story, "parent-unknown-recovered") == verdicts
