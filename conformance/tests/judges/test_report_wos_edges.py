"""Where the rules about what a WOS does with reports end: what is no occasion for them, and what is just one."""

import pytest

from visits import ONE, Assigned, Visits, problem

LAST = 2**64 - 1


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(requirement)]


@pytest.mark.parametrize(("version", "verdicts"), [(2, []), (3, [True]), (LAST - 1, [True]), (LAST, [])])
def test_report_is_ahead_of_the_manifest(version: int, verdicts: list[bool]) -> None:
    """By one or more, and not at the end of all versions."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(version), 201)
    assert kept(story, "status.version-ahead-accepted") == verdicts


def test_each_refusal_has_its_own_rule() -> None:
    """What is no JSON is not invalid, what is right is neither, and what is about another one is not unknown."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.assign(wanted)
    story.reports(wanted, b"{", 400, content=problem("invalid-request"))
    story.reports(wanted, status=201)
    story.reports(Assigned(), wanted.report(), 422, content=problem("semantic-error"))
    story.reports(wanted, other.report(), 422, content=problem("semantic-error"))
    assert kept(story, "status.invalid-422") == []
    assert kept(story, "status.path-mismatch-422") == [True]
    assert kept(story, "status.unknown-deployment-404") == []


def test_nobody_knows_what_became_of_a_lost_report() -> None:
    """So the next answer may be either, and what is shown too, until one is taken."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, status=None, failure="reset")
    story.view(reports={})
    story.reports(wanted, status=200)
    story.reports(wanted, status=422)
    story.reports(wanted, status=200)
    assert kept(story, "status.first-201") == []
    assert kept(story, "status.repeat-200") == [True]
    assert kept(story, "status.newest-visible") == []


def test_report_that_was_not_taken_is_not_shown() -> None:
    """The one before it is."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, status=201)
    story.reports(wanted, wanted.report(3), 500)
    story.view(reports={wanted.id: wanted.report()})
    assert kept(story, "status.newest-visible") == [True]


def test_report_of_another_type_hides_no_other() -> None:
    """What is no JSON is to be refused as ever."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, status=400, headers=["Content-Type: text/plain"])
    story.reports(wanted, b"{", 201)
    assert kept(story, "status.malformed-400") == [False]


def test_look_that_cannot_be_read_hides_no_other() -> None:
    """The next one is looked at."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    story.reports(wanted, status=201)
    story.control("view", spiffeId=ONE)
    story.view()
    assert kept(story, "status.newest-visible") == [False]


def test_age_is_asked_of_each_report_that_is_shown() -> None:
    """Late on a long day, and though another one is not shown."""
    story, hidden, shown = Visits(), Assigned(), Assigned()
    story.assign(hidden, shown)
    story.waits(60)
    story.reports(hidden, status=201)
    story.reports(shown, status=201)
    story.view(reports={hidden.id: None, shown.id: shown.report()}, ages={shown.id: 30})
    assert kept(story, "status.age-shown") == [False]
