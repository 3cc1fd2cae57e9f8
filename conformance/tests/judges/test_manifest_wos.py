"""Judges of how a WOS serves its manifest: a story that keeps each rule, and the same one with a sin."""

import copy
import json
from typing import Any

import pytest

from visits import MANIFEST_TYPE, Assigned, Tales, Visits, text
from wos_conformance.drive.defect import offer

TALES = Tales()


def written(*wanted: Assigned, **changes: Any) -> bytes:
    """A manifest that names these deployments, with other members."""
    right = json.loads(offer(2, {one.id: text(one.document) for one in wanted}).manifest)
    return json.dumps(right | changes).encode()


@TALES.of("desired-state.manifest-media-type")
def manifest_has_a_type(story: Visits, sin: bool) -> None:
    """It is that of any JSON."""
    kind = "application/json" if sin else f"{MANIFEST_TYPE.upper()}; charset=utf-8"
    story.serves(1, answer=f"Content-Type: {kind}")


@TALES.of("desired-state.manifest-media-type")
def manifest_has_no_type(story: Visits, sin: bool) -> None:
    """It has none."""
    story.serves(1, answer="" if sin else f"Content-Type: {MANIFEST_TYPE}")


for _fault in (b"{", b"[]", b'{"manifestVersion":0,"bundle":null,"deployments":[]}', written(manifestVersion=2.0)):

    @TALES.of("desired-state.manifest-valid")
    def manifest_is_written(story: Visits, sin: bool, fault: bytes = _fault) -> None:
        """Not as the schema says, or with a fraction."""
        story.serves(1, **({"content": fault} if sin else {}))


@TALES.of("desired-state.etag-is-digest")
def manifest_has_a_tag(story: Visits, sin: bool) -> None:
    """It lacks its quotes."""
    tag = offer(1, {}).etag
    story.serves(1, tag=tag.strip('"') if sin else tag)


@TALES.of("desired-state.manifest-cache-private")
def manifest_is_for_one(story: Visits, sin: bool) -> None:
    """Nobody is told."""
    story.serves(1, answer="Cache-Control: no-cache" if sin else "Cache-Control: no-cache, Private")


for _directive in ("immutable", "public"):

    @TALES.of("desired-state.manifest-not-immutable")
    def manifest_may_change(story: Visits, sin: bool, directive: str = _directive) -> None:
        """Caches are told otherwise."""
        story.serves(1, answer=f"Cache-Control: private{f', {directive}' if sin else ''}")


@TALES.of("desired-state.empty-bundle-null")
def nothing_is_wanted(story: Visits, sin: bool) -> None:
    """There is a bundle of nothing."""
    bundle = json.loads(written(Assigned()))["bundle"]
    story.serves(2, content=written(bundle=bundle if sin else None))


@TALES.of("desired-state.bundle-present")
def something_is_wanted(story: Visits, sin: bool) -> None:
    """There is no bundle of it."""
    wanted = Assigned()
    story.serves(2, wanted, **({"content": written(wanted, bundle=None)} if sin else {}))


@TALES.of("desired-state.url-names-digest")
def entry_has_a_url(story: Visits, sin: bool) -> None:
    """The second one is found elsewhere."""
    wanted = Assigned(), Assigned()
    entries = json.loads(written(*wanted))["deployments"]
    entries[1]["url"] = entries[0 if sin else 1]["url"]
    story.serves(2, content=written(*wanted, deployments=entries))


@TALES.of("desired-state.first-version")
def client_is_new(story: Visits, sin: bool) -> None:
    """It begins with version 2."""
    story.admit()
    story.serves(2 if sin else 1)
    story.serves(2)


@TALES.of("desired-state.first-version")
def client_is_new_and_has_a_deployment(story: Visits, sin: bool) -> None:
    """That nobody assigned."""
    story.admit()
    story.serves(1, *([Assigned()] if sin else []))


@TALES.of("desired-state.version-grows")
def content_differs(story: Visits, sin: bool) -> None:
    """Under the version of before."""
    story.serves(2, Assigned())
    story.serves(2 if sin else 3, Assigned())


@TALES.of("desired-state.version-only-on-change")
def nothing_changes(story: Visits, sin: bool) -> None:
    """The version grows all the same."""
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, wanted)
    story.serves(3 if sin else 2, wanted)


@TALES.of("desired-state.change-published")
def deployment_is_assigned(story: Visits, sin: bool) -> None:
    """The next manifest does not name it."""
    wanted = Assigned()
    story.assign(wanted)
    story.serves(2, *([] if sin else [wanted]))


@TALES.of("desired-state.change-published")
def deployment_is_withdrawn(story: Visits, sin: bool) -> None:
    """The next manifest names it still."""
    wanted, other = Assigned(), Assigned()
    story.assign(wanted, other)
    story.serves(2, wanted, other)
    story.withdraw(wanted)
    story.serves(3, other, *([wanted] if sin else []))


@TALES.of("desired-state.change-published")
def deployment_is_updated(story: Visits, sin: bool) -> None:
    """The next manifest names the old document."""
    wanted = Assigned()
    old = copy.copy(wanted)
    story.assign(wanted)
    story.serves(2, wanted)
    story.update(wanted)
    story.serves(3, old if sin else wanted)


@TALES.of("desired-state.not-modified")
def tag_is_current(story: Visits, sin: bool) -> None:
    """The manifest is sent again."""
    tag = story.serves(1)
    held = f'If-None-Match: "other", {tag}'
    if sin:
        story.serves(1, headers=[held])
    else:
        story.polls(304, held)


@TALES.of("desired-state.not-modified")
def every_tag_will_do(story: Visits, sin: bool) -> None:
    """The answer has a body."""
    story.polls(304, "If-None-Match: *", content=b"{}" if sin else b"")


@TALES.of("desired-state.modified-served")
def tag_is_not_current(story: Visits, sin: bool) -> None:
    """It is said to be."""
    old = story.serves(1)
    story.serves(2, Assigned())
    if sin:
        story.polls(304, f"If-None-Match: {old}")
    else:
        story.serves(2, Assigned(), headers=[f"If-None-Match: {old}"])


@TALES.of("desired-state.modified-served")
def no_tag_is_held(story: Visits, sin: bool) -> None:
    """A header without a tag is enough."""
    story.serves(1)
    if sin:
        story.polls(304, "If-None-Match: nothing")
    else:
        story.serves(1, headers=["If-None-Match: nothing"])


def asked_with(requirement: str, *accept: str, good: int, bad: int) -> None:
    """A request with this `Accept` is answered in one way or the other."""

    @TALES.of(requirement)
    def tell(story: Visits, sin: bool) -> None:
        story.polls(bad if sin else good, *accept)


asked_with("desired-state.accept-absent", good=200, bad=406)
asked_with("desired-state.accept-absent", good=304, bad=400)
asked_with("desired-state.accept-range-served", "Accept: text/html, application/*;q=0.2", good=200, bad=406)
asked_with("desired-state.accept-unsupported", "Accept: application/json", good=406, bad=200)
asked_with("desired-state.accept-zero-refused", f"Accept: */*, {MANIFEST_TYPE};q=0", good=406, bad=200)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
