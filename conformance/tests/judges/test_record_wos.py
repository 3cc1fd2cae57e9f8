"""Judges of what a WOS takes and keeps: a story that keeps each rule, and the same one with a sin."""

import pytest

from visits import DEVICE, Assigned, Tales, Visits, capabilities, problem

TALES = Tales()
BAD_REQUEST, BAD_CONTENT = problem("invalid-request"), problem("semantic-error")
EXTENDED = capabilities() | {"x-acme-extensions": {"colour": "red"}}


def refused(area: str, rule: str, status: int, content: bytes, sent: object) -> None:
    """Something is sent that is to be refused with this answer; the sins are to take it and to say another thing."""
    answers = [(status, content), (200, b""), (400 if status == 422 else 422, content), (status, problem("other"))]
    for sinful in answers[1:]:

        @TALES.of(f"{area}.{rule}")
        def tell(story: Visits, sin: bool, sinful: tuple[int, bytes] = sinful) -> None:
            answered, told = sinful if sin else answers[0]
            if area == "capabilities":
                story.announces(document=sent, status=answered, content=told)
                return
            wanted, other = Assigned(), Assigned()
            story.assign(wanted, other)
            report = other.report() if sent == "another" else sent
            story.reports(wanted, report, answered, content=told)


refused("status", "malformed-400", 400, BAD_REQUEST, b'{"a":')
refused("status", "invalid-422", 422, BAD_CONTENT, {"state": "installed"})
refused("status", "path-mismatch-422", 422, BAD_CONTENT, "another")
refused("capabilities", "malformed-400", 400, BAD_REQUEST, b"\xff\xfe")
refused("capabilities", "invalid-422", 422, BAD_CONTENT, {"properties": {}})
refused("capabilities", "path-mismatch-422", 422, BAD_CONTENT, capabilities("press-8"))


@TALES.of("status.first-201")
def first_report_is_sent(story: Visits, sin: bool) -> None:
    """It is taken for a later one."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, status=200 if sin else 201)


@TALES.of("status.repeat-200")
def second_report_is_sent(story: Visits, sin: bool) -> None:
    """It is taken for the first one."""
    wanted = Assigned()
    story.assign(wanted)
    story.reports(wanted, status=201)
    story.reports(wanted, status=201 if sin else 200)


@TALES.of("status.withdrawn-accepted")
def withdrawn_deployment_is_removed(story: Visits, sin: bool) -> None:
    """Nobody wants to know."""
    wanted = Assigned()
    story.assign(wanted)
    story.withdraw(wanted)
    story.reports(wanted, wanted.report(state="removed"), 404 if sin else 201)


@TALES.of("capabilities.extensions-ignored")
def document_has_extensions(story: Visits, sin: bool) -> None:
    """It is refused."""
    story.announces(document=EXTENDED, status=422 if sin else 201)


@TALES.of("capabilities.first-201")
def device_is_new(story: Visits, sin: bool) -> None:
    """It is taken for a known one."""
    story.admit()
    story.announces(status=200 if sin else 201)


@TALES.of("capabilities.repeat-200")
def device_is_known(story: Visits, sin: bool) -> None:
    """It is taken for a new one."""
    story.announces()
    story.announces(status=201 if sin else 200)


@TALES.of("capabilities.delete-204")
def known_device_goes(story: Visits, sin: bool) -> None:
    """Nobody knew it."""
    story.announces()
    story.forgets(status=404 if sin else 204)


@TALES.of("capabilities.delete-unknown-404")
def unknown_device_goes(story: Visits, sin: bool) -> None:
    """As if it had been there."""
    story.announces()
    story.forgets()
    story.forgets(status=204 if sin else 404, content=b"" if sin else problem("device-not-found"))


@TALES.of("capabilities.kept-as-sent")
def operator_looks_at_the_device(story: Visits, sin: bool) -> None:
    """Its extensions are lost."""
    story.announces(document=EXTENDED)
    story.view({DEVICE: capabilities() if sin else EXTENDED})


@TALES.of("capabilities.kept-as-sent")
def operator_looks_for_the_device(story: Visits, sin: bool) -> None:
    """It is not there."""
    story.announces()
    story.announces("press-8")
    story.view({DEVICE: capabilities()} if sin else {DEVICE: capabilities(), "press-8": capabilities("press-8")})


@TALES.of("capabilities.refused-not-kept")
def document_was_refused(story: Visits, sin: bool) -> None:
    """It is shown all the same."""
    changed = capabilities(cpus=[])
    story.announces()
    story.announces(document={"properties": changed["properties"] | {"memory": 7}}, status=422, content=BAD_CONTENT)
    story.view({DEVICE: changed if sin else capabilities()})


@TALES.of("connectivity.wos-http-version")
def answer_has_a_version(story: Visits, sin: bool) -> None:
    """It is an old one."""
    story.polls(304, protocol="HTTP/1.0" if sin else "HTTP/1.1")


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
