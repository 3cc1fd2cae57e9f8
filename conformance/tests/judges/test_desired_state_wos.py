"""Judges of the chapter desired-state for a WOS: a story that keeps each rule, and the same one with a sin."""

import gzip
import io
import tarfile

import pytest

from visits import MANIFEST_TYPE, ONE, Assigned, Tales, Visits, capabilities, problem, text
from wos_conformance.drive.defect import offer

TALES, CODED, GATEWAYS = Tales(), Tales("content-encoding"), Tales("gateway")
GZIP = "Accept-Encoding: gzip"
EMPTY = offer(1, {}).manifest


@TALES.of("desired-state.deployment-named-once")
def deployment_is_named(story: Visits, sin: bool) -> None:
    """Twice, once in capitals."""
    wanted, twin = Assigned(), Assigned()
    if sin:
        twin.id = wanted.id.upper()
    story.serves(2, wanted, twin)


@GATEWAYS.of("desired-state.one-manifest-for-children")
def child_has_a_deployment(story: Visits, sin: bool) -> None:
    """It is not named."""
    own, childs = Assigned("gw"), Assigned("gw/a")
    story.assign(own, childs)
    story.serves(3, own, *([] if sin else [childs]))


@TALES.of("desired-state.version-above-reported")
def report_is_ahead(story: Visits, sin: bool) -> None:
    """The next version is not."""
    wanted, more = Assigned(), Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(1002))
    story.serves(2, wanted)
    story.assign(more)
    story.serves(3 if sin else 1003, wanted, more)


@TALES.of("desired-state.not-modified-tag")
def manifest_is_not_modified(story: Visits, sin: bool) -> None:
    """The tag is missing."""
    tag = story.serves(1)
    story.polls(304, f"If-None-Match: W/{tag}", answer="" if sin else f"ETag: {tag}")


@TALES.of("desired-state.not-modified-tag")
def document_is_not_modified(story: Visits, sin: bool) -> None:
    """The tag is weak."""
    digest = "sha256:" + "0" * 64
    tag = f'W/"{digest}"' if sin else f'"{digest}"'
    story.asks(f"GET /api/v1/deployments/{Assigned().id}/{digest}", 304, f"ETag: {tag}")


@TALES.of("desired-state.superseded-served")
def document_is_superseded(story: Visits, sin: bool) -> None:
    """It is gone at once."""
    old, new = Assigned(), Assigned()
    story.assign(old)
    story.serves(2, old)
    story.serves(3, new)
    story.waits(290)
    story.fetches(old, status=404 if sin else 200)


@TALES.of("desired-state.superseded-served")
def bundle_is_superseded(story: Visits, sin: bool) -> None:
    """It is gone when the last deployment is."""
    old = Assigned()
    story.serves(2, old)
    story.serves(3)
    story.fetches_bundle(old, status=404 if sin else 200)


def _archive(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, body in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(body)
            tar.addfile(member, io.BytesIO(body))
    return gzip.compress(buffer.getvalue())


@TALES.of("desired-state.bundle-member-names")
def bundle_is_made(story: Visits, sin: bool) -> None:
    """By a program that begins each name with the folder."""
    wanted = Assigned()
    story.serves(2, wanted)
    member = ("./" if sin else "") + f"{wanted.id}.yaml", tarfile.REGTYPE, text(wanted.document)
    story.fetches_bundle(wanted, content=_archive(member))


@TALES.of("desired-state.bundle-member-names")
def bundle_has_one_member(story: Visits, sin: bool) -> None:
    """And a directory."""
    wanted = Assigned()
    story.serves(2, wanted)
    members = [(f"{wanted.id}.yaml", tarfile.REGTYPE, text(wanted.document))]
    more = [("deployments", tarfile.DIRTYPE, b"")] if sin else []
    story.fetches_bundle(wanted, content=_archive(*more, *members))


@TALES.of("desired-state.coding-accepted-only")
def nothing_is_said_about_codings(story: Visits, sin: bool) -> None:
    """Gzip is sent to everybody."""
    story.serves(1, **({"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY)} if sin else {}))


@TALES.of("desired-state.coding-accepted-only")
def gzip_is_excluded(story: Visits, sin: bool) -> None:
    """The quality is overlooked."""
    coded = {"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY)} if sin else {}
    story.serves(1, headers=["Accept-Encoding: gzip;q=0, *"], **coded)


@CODED.of("desired-state.gzip-offered")
def manifest_is_asked_for_in_gzip(story: Visits, sin: bool) -> None:
    """It comes without."""
    coded = {} if sin else {"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY)}
    story.serves(1, headers=[GZIP], **coded)


@CODED.of("desired-state.coding-digest")
def tag_is_of_the_body_without_coding(story: Visits, sin: bool) -> None:
    """It is of the bytes as they are sent."""
    coded = gzip.compress(EMPTY)
    story.serves(2 if sin else 1, headers=[GZIP], answer="Content-Encoding: gzip", content=coded)


@CODED.of("desired-state.coding-tag-unchanged")
def tag_is_the_same(story: Visits, sin: bool) -> None:
    """It is weak in a coding."""
    tag = story.serves(1)
    coded = {"answer": "Content-Encoding: gzip", "content": gzip.compress(EMPTY)}
    story.serves(1, headers=[GZIP], tag=f"W/{tag}" if sin else tag, **coded)


@CODED.of("desired-state.vary-sent")
def answer_varies(story: Visits, sin: bool) -> None:
    """Nobody is told."""
    vary = "Vary: Origin" if sin else "Vary: origin, accept-encoding"
    content = gzip.compress(EMPTY)
    story.serves(1, headers=[GZIP], answer=f"Content-Encoding: gzip\n{vary}", content=content)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)


@pytest.mark.parametrize("name", CODED)
def test_judge_of_codings_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    CODED.assert_judged(name)


@pytest.mark.parametrize("name", GATEWAYS)
def test_judge_of_gateways_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    GATEWAYS.assert_judged(name)


RANGE, ZERO, OTHER = (f"desired-state.accept-{name}" for name in ("range-served", "zero-refused", "unsupported"))


@pytest.mark.parametrize(
    ("accept", "rule"),
    [
        ("*/*", RANGE),
        ("application/*", RANGE),
        ("text/plain;q=0.9, application/*;q=0.1", RANGE),
        (f"{MANIFEST_TYPE};q=0.001", RANGE),
        (f"*/*;q=0, {MANIFEST_TYPE.upper()} ; Q=1.000", RANGE),
        ("*/*, */*;q=1", RANGE),
        (f"{MANIFEST_TYPE};version=2, */*", RANGE),
        (f"{MANIFEST_TYPE};q=0", ZERO),
        (f"{MANIFEST_TYPE};q=0, */*", ZERO),
        ("application/*;q=0.0, text/plain, */*;q=0.5", ZERO),
        ("*/*;q=0", ZERO),
        ("application/json", OTHER),
        ("text/plain;q=0", OTHER),
        (f"{MANIFEST_TYPE};version=2", OTHER),
        ("*", None),
        ("text/plain, ,*/*", None),
        (f"{MANIFEST_TYPE};q=0.0001", None),
        (f"{MANIFEST_TYPE};q=2", None),
        ("*/*;q=0, */*", None),
    ],
)
def test_most_specific_range_decides(accept: str, rule: str | None) -> None:
    """Of the three rules exactly one applies, or none when the header can be read in two ways."""
    for status in (200, 304, 406):
        story = Visits()
        story.polls(status, f"Accept: {accept}")
        found = {name: [judgement.kept for judgement in story.judged(name)] for name in (RANGE, ZERO, OTHER)}
        expected = (status != 406) == (rule == RANGE)
        assert found == {name: [expected] if name == rule else [] for name in found}


@pytest.mark.parametrize(
    ("accepted", "kept"),
    [
        ("gzip", True),
        ("x-gzip", True),
        ("gzip, gzip;q=1", True),
        ("br, GZIP ; Q=0.5", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("br", False),
        ("gzip, x-gzip;q=0", None),
        ("*, x-gzip;q=0", None),
        ("gzip;q=2", None),
    ],
)
def test_request_says_which_codings_it_allows(accepted: str, kept: bool | None) -> None:
    """An answer in gzip is kept or broken, or nobody can say when the header can be read in two ways."""
    story = Visits()
    coded = gzip.compress(EMPTY)
    story.serves(1, headers=[f"Accept-Encoding: {accepted}"], answer="Content-Encoding: gzip", content=coded)
    found = [judgement.kept for judgement in story.judged("desired-state.coding-accepted-only")]
    assert found == ([] if kept is None else [kept])


def test_artifact_is_not_asked_for_for_ever() -> None:
    """After 300 seconds, and after its client was retired, it may be gone."""
    story = Visits()
    old = Assigned()
    story.serves(2, old)
    story.serves(3)
    story.waits(301)
    story.fetches(old, status=404)
    story.serves(4, old)
    story.serves(5)
    story.retire()
    story.admit()
    story.fetches(old, problem("deployment-not-found"), status=404)
    assert not story.judged("desired-state.superseded-served")
    assert [found.kept for found in story.judged("desired-state.document-unknown-404")] == [True]


def test_returned_client_is_owed_what_it_is_served_now() -> None:
    """A second retirement does not excuse what happens before it."""
    story = Visits()
    story.retire()
    story.admit()
    old = Assigned()
    story.serves(2, old)
    story.serves(3)
    story.fetches(old, status=404)
    story.retire()
    assert [found.kept for found in story.judged("desired-state.superseded-served")] == [False]


@pytest.mark.parametrize("version", [2**64 - 1])
def test_last_version_asks_too_much(version: int) -> None:
    """Nothing is above the last version, and a refused report teaches nothing."""
    story = Visits()
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.reports(wanted, wanted.report(version))
    story.reports(wanted, wanted.report(1000), status=422)
    story.serves(3)
    assert not story.judged("desired-state.version-above-reported")


def test_deleted_device_changes_the_desired_state() -> None:
    """So the manifest may differ afterwards, and has to grow."""
    story = Visits()
    wanted = Assigned()
    story.announces(wanted.device, capabilities(wanted.device))
    story.assign(wanted)
    story.serves(2, wanted)
    story.forgets(wanted.device)
    story.serves(3)
    assert not story.judged("desired-state.version-only-on-change")
    assert [found.kept for found in story.judged("desired-state.version-grows")] == [True]
    assert [found.kept for found in story.judged("desired-state.change-published")] == [True, True]


def test_retired_client_is_served_by_nobody() -> None:
    """Answers between the retirement and the next admission are judged by the rules of identity alone."""
    story = Visits()
    story.admit()
    story.retire()
    story.polls(200, "Accept: text/plain", client=ONE)
    assert not story.judged(OTHER)
    story.admit()
    story.polls(200, "Accept: text/plain", client=ONE)
    assert [found.kept for found in story.judged(OTHER)] == [False]
