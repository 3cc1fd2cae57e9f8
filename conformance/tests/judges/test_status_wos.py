"""Judges of the chapters status and errors for a WOS: a story that keeps each rule, and the same one with a sin."""

import pytest

from visits import DEVICE, Assigned, Tales, Visits, capabilities, problem

TALES = Tales()
TEXT = ["Content-Type: text/plain"]


@TALES.of("status.valid-accepted")
def report_is_about_what_is_wanted(story: Visits, sin: bool) -> None:
    """It is refused."""
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(2), status=422 if sin else 201)


@TALES.of("status.valid-accepted")
def states_come_in_any_order(story: Visits, sin: bool) -> None:
    """One is refused because of the state before."""
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(2, "removed"), status=201)
    story.reports(wanted, wanted.report(1, "pending") | {"components": []}, status=409 if sin else 200)


@pytest.mark.parametrize("reason", ["withdrawn", "ahead", "nothing-served", "stranger", "large"])
def test_refusal_of_a_report_has_another_reason(reason: str) -> None:
    """Other rules speak of it, or none."""
    story, wanted = Visits(), Assigned()
    story.assign(wanted)
    if reason != "nothing-served":
        story.serves(2, wanted)
    if reason == "withdrawn":
        story.withdraw(wanted)
    report = wanted.report(3 if reason == "ahead" else 2)
    if reason == "stranger":
        report["components"][0]["name"] = "nobody"
    story.reports(wanted, report | ({"x-pad": "x" * 262_144} if reason == "large" else {}), status=422)
    assert story.judged("status.valid-accepted") == []


@TALES.of("status.newest-visible")
def old_report_comes_late(story: Visits, sin: bool) -> None:
    """It hides the newer one."""
    wanted = Assigned()
    old, new = wanted.report(2), wanted.report(3, "failed")
    story.assign(wanted)
    for report in (old, new, old):
        story.reports(wanted, report)
    story.view(reports={wanted.id: old if sin else new})


@TALES.of("status.newest-visible")
def last_of_equals_is_shown(story: Visits, sin: bool) -> None:
    """The first one stays."""
    wanted = Assigned()
    first, last = wanted.report(2, "installing"), wanted.report(2)
    story.assign(wanted)
    for report in (first, last):
        story.reports(wanted, report)
    story.view(reports={wanted.id: first if sin else last})


@TALES.of("status.age-shown")
def age_is_shown(story: Visits, sin: bool) -> None:
    """It is counted anew after a restart."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted)
    story.waits(3)
    story.view(reports={wanted.id: wanted.report()}, ages={wanted.id: 3})
    story.control("restart")
    story.waits(4.5)
    story.view(reports={wanted.id: wanted.report()}, ages={wanted.id: 4 if sin else 8})


@TALES.of("status.age-shown")
def age_is_that_of_the_shown_report(story: Visits, sin: bool) -> None:
    """It is that of one which came late."""
    wanted = Assigned()
    new = wanted.report(3)
    story.assign(wanted)
    story.reports(wanted, new)
    story.waits(60)
    story.reports(wanted, wanted.report(2))
    story.view(reports={wanted.id: new}, ages={wanted.id: 0 if sin else 60.2})


@TALES.of("status.age-shown")
def report_without_an_age(story: Visits, sin: bool) -> None:
    """The operator is left alone with it."""
    wanted, silent = Assigned(), Assigned()
    story.assign(wanted, silent)
    story.reports(wanted)
    ages = {} if sin else {wanted.id: 0}
    story.view(reports={wanted.id: wanted.report(), silent.id: None}, ages=ages)


@TALES.of("status.unknown-deployment-404")
def report_comes_after_the_return(story: Visits, sin: bool) -> None:
    """It is taken as if nothing had ended."""
    wanted = Assigned()
    story.admit()
    story.assign(wanted)
    story.retire()
    story.admit()
    story.reports(wanted, status=200 if sin else 404, content=b"" if sin else problem("deployment-not-found"))


@TALES.of("status.version-ahead-accepted")
def report_is_ahead(story: Visits, sin: bool) -> None:
    """It is refused."""
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(2**53 + 1), status=422 if sin else 200)


@TALES.of("status.unknown-component-422")
def component_is_unknown(story: Visits, sin: bool) -> None:
    """It is taken."""
    wanted = Assigned()
    report = wanted.report()
    report["components"][1]["name"] = "pump"
    story.assign(wanted)
    story.reports(wanted, report, 200 if sin else 422, content=b"" if sin else problem("semantic-error"))


@TALES.of("errors.no-internals")
def request_breaks_something(story: Visits, sin: bool) -> None:
    """The whole trace is told."""
    trace = 'Traceback (most recent call last):\n  File "a.py", line 7'
    story.polls(400, content=problem("invalid-request", detail=trace if sin else "the file a.py is missing"))


@TALES.of("errors.media-type-415")
def announcement_is_text(story: Visits, sin: bool) -> None:
    """It is taken."""
    story.announces(status=201 if sin else 415, headers=TEXT)


@TALES.of("errors.media-type-415")
def report_is_text(story: Visits, sin: bool) -> None:
    """It is refused as something else."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, status=400 if sin else 415, headers=TEXT)


@TALES.of("errors.size-accepted")
def body_is_large(story: Visits, sin: bool) -> None:
    """It is too large."""
    story.announces(document=capabilities(note="x" * 230_000), status=413 if sin else 200)


@TALES.of("errors.size-accepted")
def body_is_small(story: Visits, sin: bool) -> None:
    """It is too large."""
    story.announces(document=capabilities(note="x" * 230_000))
    if sin:
        story.announces(status=413)


@TALES.of("errors.method-405")
def reports_are_asked_for(story: Visits, sin: bool) -> None:
    """As if they were a document."""
    path = f"GET /api/v1/deployments/{Assigned().id}/status"
    story.asks(path, 404 if sin else 405, "Allow: POST", content=problem("about:blank"))


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize(
    "trace",
    [
        "java.lang.NullPointerException\\n\\tat com.acme.Fleet.publish(Fleet.java:42)",
        "panic: runtime error\\n\\ngoroutine 7 [running]:\\nmain.main()",
        "TypeError: x\\n    at Object.<anonymous> (/srv/wos/index.js:10:5)",
        "   at Acme.Fleet.Publish(Int32 id) in /src/Fleet.cs:line 12",
        "thread 'main' panicked at src/main.rs:4:5",
        "psycopg.errors: SELECT id, body FROM clients WHERE spiffe_id = %s",
        "INSERT INTO manifests VALUES (1)",
    ],
)
def test_trace_is_recognised(trace: str) -> None:
    """Whatever the WOS is written in."""
    story = Visits()
    story.polls(500, content=problem("about:blank", detail=trace.replace("\\n", "\n").replace("\\t", "\t")))
    assert [found.kept for found in story.judged("errors.no-internals")] == [False]


@pytest.mark.parametrize(
    "detail", ["select one from the list", "at most 200 characters", "line 7 of the file", "updated at 10:12:13"]
)
def test_sentence_is_no_trace(detail: str) -> None:
    """People may be told something."""
    story = Visits()
    story.polls(400, content=problem("invalid-request", detail=detail))
    assert [found.kept for found in story.judged("errors.no-internals")] == [True]


def test_lost_answer_leaves_two_reports_possible() -> None:
    """After a report without an answer nobody knows which one is shown."""
    story = Visits()
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, wanted.report(2))
    story.reports(wanted, wanted.report(3), None, failure="timeout")
    story.reports(wanted, wanted.report(2, "failed"))
    story.view(reports={wanted.id: wanted.report(3)})
    assert not story.judged("status.newest-visible")


def test_retired_client_has_no_reports() -> None:
    """To retire is to end the relation, also with what was withdrawn before."""
    story = Visits()
    wanted = Assigned()
    story.admit()
    story.assign(wanted)
    story.reports(wanted, status=201)
    story.retire()
    story.admit()
    story.view()
    story.reports(wanted, status=404)
    for rule in ("newest-visible", "age-shown", "withdrawn-accepted"):
        assert not story.judged(f"status.{rule}")
    assert [found.kept for found in story.judged("status.first-201")] == [True]


@pytest.mark.parametrize("age", [None, True, "3", -1, 1.6, 4.6, 3000], ids=str)
def test_age_is_wrong(age: object) -> None:
    """No number, or more than a second too little or too much."""
    story = Visits()
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted)
    story.waits(2.9)
    story.view(reports={wanted.id: wanted.report()}, ages={wanted.id: age})
    assert [found.kept for found in story.judged("status.age-shown")] == [False]


def test_age_of_another_report_is_not_looked_at() -> None:
    """That it is the wrong one is said elsewhere."""
    story = Visits()
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted)
    story.waits(60)
    story.view(reports={wanted.id: wanted.report(1)}, ages={wanted.id: 0})
    assert not story.judged("status.age-shown")


@pytest.mark.parametrize("status", [501, 505])
def test_unusual_request_may_be_unwanted(status: int) -> None:
    """A WOS may have no such method and no such version of HTTP."""
    story = Visits()
    story.asks("TRACE /api/v1/deployments", status)
    assert [found.kept for found in story.judged("errors.no-server-error")] == [True]


def test_child_without_gateways_is_an_unknown_path() -> None:
    """Whatever it is answered with."""
    story = Visits()
    for status in (404, 415, 201):
        story.announces("press-7/arm", headers=TEXT, status=status)
        story.announces("press-7/arm", status=status)
    story.forgets("press-7/arm", 404)
    story.view()
    for rule in ("errors.media-type-415", "capabilities.delete-unknown-404", "capabilities.kept-as-sent"):
        assert not story.judged(rule)


@pytest.mark.parametrize("sent", [b"{", capabilities("other")], ids=["no-json", "other-device"])
def test_wrong_body_of_another_type_is_refused_in_any_way(sent: object) -> None:
    """When more than the content type is wrong, nobody says what is to be named first."""
    story = Visits()
    story.announces(DEVICE, sent, status=422, headers=TEXT)
    assert not story.judged("errors.media-type-415")
    assert not story.judged("capabilities.path-mismatch-422")
