"""Judges of the chapter boundary for a WOS: a story that keeps each rule, and the same one with a sin."""

import json
from copy import deepcopy
from typing import Any

import pytest

from visits import DEVICE, Assigned, Tales, Visits, capabilities

TALES = Tales()
POD = {"apiVersion": "v1", "kind": "Pod", "spec": {}}


def _first(document: dict[str, Any]) -> dict[str, Any]:
    """The first component of a document."""
    part: dict[str, Any] = document["spec"]["deploymentProfile"]["components"][0]
    return part


@TALES.of("boundary.no-rendered-objects")
def chart_is_assigned(story: Visits, sin: bool) -> None:
    """It is rendered."""
    wanted = Assigned(kind="helm")
    document = wanted.document
    _first(document)["properties"] |= {"objects": [POD]} if sin else {}
    story.shows(wanted, document)


@TALES.of("boundary.no-rendered-objects")
def chart_is_assigned_and_hidden(story: Visits, sin: bool) -> None:
    """It is rendered into a text."""
    wanted = Assigned(kind="helm")
    document = wanted.document
    written = f"a: 1\n---\n{json.dumps(POD)}"
    _first(document)["properties"] |= {"note": written if sin else "apiVersion and kind"}
    story.shows(wanted, document)


@TALES.of("boundary.no-merged-values")
def component_has_properties(story: Visits, sin: bool) -> None:
    """Values are put into them."""
    wanted = Assigned(kind="helm")
    document = wanted.document
    _first(document)["properties"] |= {"values": {"rate": 7}} if sin else {}
    story.shows(wanted, document)


@TALES.of("boundary.no-invented-parameters")
def parameter_has_no_value(story: Visits, sin: bool) -> None:
    """One is made up."""
    wanted = Assigned()
    targets = wanted.application["parameters"]["rate"]["targets"]
    document = wanted.document
    wanted.application["parameters"]["unset"] = {"targets": targets}
    document["spec"]["parameters"] |= {"unset": {"value": "", "targets": targets}} if sin else {}
    story.shows(wanted, document)


@TALES.of("boundary.cluster-inside-unnamed")
def cluster_is_the_target(story: Visits, sin: bool) -> None:
    """One of its nodes is."""
    wanted = Assigned(kind="helm")
    wanted.profile["components"][0]["properties"]["replicas"] = 3
    document = wanted.document
    _first(document)["properties"] |= {"nodeSelector": {"a": "b"}} if sin else {}
    story.shows(wanted, document)


@TALES.of("boundary.no-rollout-members")
def document_is_served(story: Visits, sin: bool) -> None:
    """It says when its turn is."""
    wanted = Assigned()
    document = wanted.document
    document["metadata"] |= {"wave": 2} if sin else {}
    story.shows(wanted, document)


@TALES.of("boundary.no-rollout-members")
def manifest_is_served(story: Visits, sin: bool) -> None:
    """It says when its turn is."""
    more = {"rollout": {"after": "monday"}} if sin else {}
    content = json.dumps({"manifestVersion": 1, "bundle": None, "deployments": []} | more).encode()
    story.polls(200, content=content)


def _has_one(story: Visits) -> Assigned:
    """A client has a deployment, and has seen it."""
    wanted = Assigned()
    story.announces()
    story.assign(wanted)
    story.serves(2, wanted)
    return wanted


@TALES.of("boundary.capabilities-move-nothing")
def device_offers_less(story: Visits, sin: bool) -> None:
    """Its deployment goes elsewhere."""
    wanted = _has_one(story)
    story.announces(document=capabilities(memory="1Mi"), status=200)
    story.serves(3 if sin else 2, *([] if sin else [wanted]))


@TALES.of("boundary.reports-move-nothing")
def deployment_fails(story: Visits, sin: bool) -> None:
    """It is set back."""
    wanted = _has_one(story)
    story.reports(wanted, wanted.report(2, "failed"))
    story.serves(3 if sin else 2, wanted)


@TALES.of("boundary.silence-moves-nothing")
def client_is_silent(story: Visits, sin: bool) -> None:
    """It is given up."""
    wanted = _has_one(story)
    story.waits(60)
    story.serves(3 if sin else 2, *([] if sin else [wanted]))


@TALES.of("boundary.silence-moves-nothing")
def client_is_silent_and_remembers(story: Visits, sin: bool) -> None:
    """Its tag is no longer current."""
    wanted = Assigned()
    story.assign(wanted)
    tag = story.serves(2, wanted)
    story.waits(60)
    if sin:
        story.serves(3, wanted, headers=[f"If-None-Match: {tag}"])
    else:
        story.polls(304, f"If-None-Match: {tag}")


@TALES.of("boundary.listed-type-only")
def device_lists_compose(story: Visits, sin: bool) -> None:
    """It is served a chart."""
    wanted = Assigned(kind="helm" if sin else "compose")
    story.announces(document=capabilities(supportedDeploymentTypes=["compose"]))
    story.shows(wanted, wanted.document)


@TALES.of("boundary.listed-type-only")
def chart_is_to_be_assigned(story: Visits, sin: bool) -> None:
    """It is served."""
    wanted = Assigned(kind="helm")
    story.announces(document=capabilities(supportedDeploymentTypes=["compose"]))
    if sin:
        story.shows(wanted, wanted.document)
    else:
        story.assign(wanted, outcome="refused")


@TALES.of("boundary.same-members-for-types")
def application_has_two_types(story: Visits, sin: bool) -> None:
    """One gets more than the other."""
    one, other = Assigned(), Assigned("other")
    one.application["deploymentProfiles"].append({**deepcopy(one.profile), "type": "helm", "id": "helm"})
    other.application, other.chosen = one.application, 1
    story.shows(one, one.document)
    document = other.document
    document["metadata"] |= {"labels": {"chart": "yes"}} if sin else {}
    story.shows(other, document)


@TALES.of("boundary.status-not-invented")
def operator_looks_before_any_report(story: Visits, sin: bool) -> None:
    """It looks fine."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, status=422)
    story.view(reports={wanted.id: wanted.report() if sin else None})


@TALES.of("boundary.wos-opens-no-connection")
def device_names_an_address(story: Visits, sin: bool) -> None:
    """It is dialled."""
    announced = story.announces()
    if sin:
        story.dialled()
    story.deadline("decoy", announced)
    story.polls(200)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


def test_order_of_the_operator_moves_the_manifest() -> None:
    """So do the deletion of a device and an admission."""
    story = Visits()
    wanted = _has_one(story)
    story.reports(wanted)
    story.update(wanted)
    story.serves(3, wanted)
    story.reports(wanted)
    story.forgets()
    story.serves(4)
    assert not story.judged("boundary.reports-move-nothing")


def test_two_reasons_prove_nothing() -> None:
    """A client that has reported and announced was not silent, and nobody knows what has moved its manifest."""
    story = Visits()
    wanted = _has_one(story)
    story.reports(wanted)
    story.announces(DEVICE, status=200)
    story.waits(60)
    story.serves(3, wanted)
    for name in ("reports-move", "capabilities-move", "silence-moves"):
        assert not story.judged(f"boundary.{name}-nothing")


def test_dead_wos_dials_nobody() -> None:
    """That proves nothing: a sign of life has to follow."""
    story = Visits()
    story.deadline("decoy", story.announces())
    assert not story.judged("boundary.wos-opens-no-connection")


def test_objects_of_the_supplier_are_his_own() -> None:
    """A WOS passes on what the description holds."""
    story = Visits()
    wanted = Assigned()
    wanted.profile["components"][0]["properties"]["objects"] = [POD]
    story.shows(wanted, wanted.document)
    assert [found.kept for found in story.judged("boundary.no-rendered-objects")] == [True]
