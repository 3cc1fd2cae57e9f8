"""Where the rules of the boundary end for a WOS: what is no occasion for them, and what is just one."""

import json
from copy import deepcopy
from typing import Any

import pytest

from visits import Assigned, Visits, capabilities

POD = {"apiVersion": "v1", "kind": "Pod", "spec": {}}


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"boundary.{requirement}")]


def shown(wanted: Assigned, **members: Any) -> list[bool]:
    """What is said of a document with more members at its root."""
    story = Visits()
    story.shows(wanted, wanted.document | members)
    return kept(story, "no-rendered-objects")


def test_object_is_found_at_the_root_of_a_document() -> None:
    """Just below it, to be exact."""
    assert shown(Assigned(), pod=POD) == [False]


def test_object_of_the_supplier_may_be_written_in_another_order() -> None:
    """It is the same."""
    wanted = Assigned()
    wanted.application["objects"] = [POD]
    assert shown(wanted, pod=dict(reversed(POD.items()))) == [True]


@pytest.mark.parametrize(("length", "verdict"), [(65_536, False), (65_537, True)])
def test_object_is_found_in_a_text(length: int, verdict: bool) -> None:
    """Unless it is so long that nobody reads it."""
    assert shown(Assigned(), note=json.dumps(POD).ljust(length)) == [verdict]


def test_text_that_is_no_yaml_hides_no_object() -> None:
    """It stands in the next document of the same text."""
    assert shown(Assigned(), note=f"a: [\n---\n{json.dumps(POD)}") == [False]


@pytest.mark.parametrize(("status", "verdicts"), [(200, [False]), (201, [False]), (422, [])])
def test_device_lists_a_type_when_it_is_taken(status: int, verdicts: list[bool]) -> None:
    """For the first time or again; a refused one lists nothing."""
    story, chart = Visits(), Assigned(kind="helm")
    story.announces(document=capabilities(supportedDeploymentTypes=["compose"]), status=status)
    story.shows(chart, chart.document)
    assert kept(story, "listed-type-only") == verdicts


def test_description_is_the_same_in_another_order() -> None:
    """So its types are to be treated alike."""
    story, one, other = Visits(), Assigned(), Assigned("other")
    one.application["deploymentProfiles"].append({**deepcopy(one.profile), "type": "helm", "id": "helm"})
    other.application, other.chosen = dict(reversed(one.application.items())), 1
    for wanted in (one, other):
        story.shows(wanted, wanted.document)
    assert kept(story, "same-members-for-types") == [True]


@pytest.mark.parametrize("status", [200, 201])
def test_state_was_told_when_the_report_was_taken(status: int) -> None:
    """Of another deployment nothing was, and a refused assignment hides nothing."""
    story, told, silent = Visits(), Assigned(), Assigned()
    told.id, silent.id = sorted([told.id, silent.id])
    story.assign(Assigned(), outcome="refused")
    story.assign(told, silent)
    story.reports(told, status=status)
    story.view(reports={told.id: told.report(), silent.id: silent.report()})
    assert kept(story, "status-not-invented") == [False]


def test_first_order_moves_the_manifest() -> None:
    """There was none before it."""
    story, wanted, more = Visits(), Assigned(), Assigned()
    story.serves(2, wanted)
    story.reports(wanted)
    story.assign(more)
    story.serves(3, wanted, more)
    assert kept(story, "reports-move-nothing") == []


def test_silence_lasts_a_second() -> None:
    """Late on a long day, too."""
    story, wanted = Visits(), Assigned()
    story.waits(60)
    story.serves(2, wanted)
    story.serves(2, wanted)
    assert kept(story, "silence-moves-nothing") == []
    story.waits(1.4)
    story.serves(2, wanted)
    assert kept(story, "silence-moves-nothing") == [True]


def test_manifest_that_has_not_changed_names_what_it_named() -> None:
    """A client that was silent after that finds it as it was."""
    story, wanted = Visits(), Assigned()
    story.polls(304, 'If-None-Match: "x"')
    tag = story.serves(2, wanted)
    for status in (304, 404):
        story.waits(60)
        story.polls(status, f"If-None-Match: {tag}")
    story.waits(60)
    story.serves(3)
    assert kept(story, "silence-moves-nothing") == [True, False]


@pytest.mark.parametrize("content", [{}, {"content": b"{"}])
def test_manifest_without_deployments_may_move(content: dict[str, bytes]) -> None:
    """So may one that nobody can read, and what was named before does not count."""
    story = Visits()
    story.serves(2, Assigned())
    story.serves(3, **content)
    story.waits(60)
    story.serves(4)
    assert kept(story, "silence-moves-nothing") == []


def test_report_that_was_refused_is_not_what_moves_a_manifest() -> None:
    """One that was taken is, also when the client looked at other things meanwhile."""
    story, wanted = Visits(), Assigned()
    story.serves(2, wanted)
    story.reports(wanted, status=422)
    story.serves(3, wanted)
    assert kept(story, "reports-move-nothing") == []
    story.reports(wanted, status=201)
    story.fetches(wanted)
    story.serves(4, wanted)
    assert kept(story, "reports-move-nothing") == [False]


def test_first_announcement_moves_nothing() -> None:
    """The device is there since the deployment was assigned."""
    story, wanted = Visits(), Assigned()
    story.serves(2, wanted)
    story.announces(status=201)
    story.serves(3, wanted)
    assert kept(story, "capabilities-move-nothing") == [False]


def test_decoy_is_dialled_by_the_wos_alone() -> None:
    """The suite may call it, and the WOS may call others."""
    story = Visits()
    announced = story.announces()
    story.connect(name="decoy")
    story.deadline("decoy", announced)
    story.polls(200)
    assert kept(story, "wos-opens-no-connection") == [True]
