"""Judges of the chapter capabilities for a WOS: a story that keeps each rule, and the same one with a sin."""

import pytest

from visits import DEVICE, Assigned, Tales, Visits, capabilities, problem

TALES, GATEWAYS = Tales(), Tales("gateway")
NOT_FOUND = {"status": 404, "content": problem("device-not-found")}
CHILD = f"{DEVICE}/line-1/press-8"


@TALES.of("capabilities.dot-segments-refused")
def path_goes_up(story: Visits, sin: bool) -> None:
    """It is resolved."""
    story.asks(f"PUT /api/v1/capabilities/x/%2e%2E/{DEVICE}", 201 if sin else 404, sent=capabilities())


@TALES.of("capabilities.valid-accepted")
def document_is_valid(story: Visits, sin: bool) -> None:
    """Something is found fault with."""
    story.announces(document=capabilities(memory="59 Gi"), status=422 if sin else 201)


@TALES.of("capabilities.valid-accepted")
def document_is_large(story: Visits, sin: bool) -> None:
    """It is too large."""
    story.announces(document=capabilities(note="x" * 250_000), status=413 if sin else 201)


@TALES.of("capabilities.unknown-types-accepted")
def type_is_unknown(story: Visits, sin: bool) -> None:
    """It is refused."""
    story.announces(document=capabilities(supportedDeploymentTypes=["unikernel"]), status=422 if sin else 201)


@TALES.of("capabilities.kept-across-restart")
def device_is_announced_after_a_restart(story: Visits, sin: bool) -> None:
    """It is new."""
    story.announces()
    story.control("restart")
    story.announces(status=201 if sin else 200)


@TALES.of("capabilities.kept-across-restart")
def device_is_looked_at_after_a_restart(story: Visits, sin: bool) -> None:
    """It is gone."""
    story.announces()
    story.control("restart")
    story.view({} if sin else {DEVICE: capabilities()})


@TALES.of("capabilities.delete-leaves-others")
def another_device_is_withdrawn(story: Visits, sin: bool) -> None:
    """All are gone."""
    other = f"{DEVICE}-2"
    story.announces()
    story.announces(other)
    story.forgets()
    story.view({} if sin else {other: capabilities(other)})
    story.forgets(other, **(NOT_FOUND if sin else {}))


@TALES.of("capabilities.delete-withdraws")
def device_with_a_deployment_is_withdrawn(story: Visits, sin: bool) -> None:
    """It comes back with the device."""
    wanted, other = Assigned(), Assigned("other")
    story.announces()
    story.assign(wanted, other)
    story.serves(3, wanted, other)
    story.forgets()
    story.serves(4, other)
    story.announces()
    story.serves(5, *([wanted] if sin else []), other)


@GATEWAYS.of("capabilities.parent-unknown-404")
def child_comes_alone(story: Visits, sin: bool) -> None:
    """It is accepted, because the id of another device begins alike."""
    story.admit()
    story.announces(DEVICE[:-1])
    story.announces(CHILD, status=201 if sin else 404, content=b"" if sin else problem("gateway-not-found"))


@GATEWAYS.of("capabilities.child-accepted")
def child_comes_after_its_gateway(story: Visits, sin: bool) -> None:
    """The device in between is missed."""
    story.announces()
    story.announces(CHILD, status=404 if sin else 201)


@GATEWAYS.of("capabilities.delete-cascades")
def gateway_is_withdrawn(story: Visits, sin: bool) -> None:
    """The child stays."""
    story.announces()
    story.announces(CHILD)
    story.forgets()
    story.view({CHILD: capabilities(CHILD)} if sin else {})
    story.forgets(CHILD, **({} if sin else NOT_FOUND))


@GATEWAYS.of("capabilities.cascade-withdraws")
def gateway_with_deployments_is_withdrawn(story: Visits, sin: bool) -> None:
    """That of the child stays."""
    own, childs = Assigned(), Assigned(CHILD)
    story.announces()
    story.announces(CHILD)
    story.assign(own, childs)
    story.serves(3, own, childs)
    story.forgets()
    story.serves(4, *([childs] if sin else []))


@GATEWAYS.of("capabilities.slash-encoded-equal")
def slash_is_encoded(story: Visits, sin: bool) -> None:
    """The id is another one."""
    story.announces()
    path = f"PUT /api/v1/capabilities/{CHILD.replace('/', '%2F')}"
    story.asks(path, 404 if sin else 201, sent=capabilities(CHILD))


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", GATEWAYS)
def test_judge_of_gateways_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    GATEWAYS.assert_judged(name)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_policy_and_overload_are_no_fault(status: int) -> None:
    """A WOS may restrict device ids, and may have no time."""
    story = Visits()
    story.announces(status=status)
    assert not story.judged("capabilities.valid-accepted")
    assert not story.judged("capabilities.first-201")


def test_other_media_type_says_nothing_about_capabilities() -> None:
    """Another rule looks at it, and what is kept afterwards is not known."""
    story = Visits()
    story.announces(status=415, headers=["Content-Type: text/plain"])
    story.announces()
    assert len(story.judged("capabilities.valid-accepted")) == 1
    assert not story.judged("capabilities.first-201")


def test_devices_of_a_retired_client_are_gone() -> None:
    """Their first announcement is the first again, and until then nothing is shown of them."""
    story = Visits()
    story.admit()
    story.announces()
    story.retire()
    story.admit()
    story.view()
    story.announces()
    story.announces(status=200)
    assert [found.kept for found in story.judged("capabilities.first-201")] == [True, True]
    assert [found.kept for found in story.judged("capabilities.repeat-200")] == [True]
    assert not story.judged("capabilities.kept-as-sent")


@pytest.mark.parametrize("levels", [64, 65])
def test_document_is_nested(levels: int) -> None:
    """Every WOS reads 64 levels, of which the outermost value is the first."""
    story = Visits()
    value: object = "innermost"
    for _ in range(levels - 3):
        value = [value]
    story.announces(document=capabilities(note=value), status=400, content=problem("invalid-request"))
    judged = story.judged("capabilities.valid-accepted")
    assert [found.kept for found in judged] == ([False] if levels == 64 else [])
    assert not story.judged("capabilities.malformed-400")


def test_device_may_be_known_from_before() -> None:
    """Without test control a WOS may keep what an earlier run has left; a deletion brings certainty."""
    story = Visits(["gateway"])
    story.announces(status=200)
    story.announces(CHILD.replace(DEVICE, "other"), status=201)
    for rule in ("first-201", "parent-unknown-404"):
        assert not story.judged(f"capabilities.{rule}")
    story.forgets()
    story.announces()
    assert [found.kept for found in story.judged("capabilities.first-201")] == [True]
