"""Judges of documents and bundles of a WOS: a story that keeps each rule, and the same one with a sin."""

import copy

import pytest

from visits import Assigned, Tales, Visits, problem, text
from wos_conformance.drive.archive import archive
from wos_conformance.drive.publication import digest_of

TALES = Tales()
STRANGE = "sha256:" + "0" * 64
IMMUTABLE = ("private", "max-age=31536000", "immutable")


@TALES.of("desired-state.document-served")
def document_is_named(story: Visits, sin: bool) -> None:
    """It cannot be had."""
    wanted = Assigned()
    story.serves(2, wanted)
    story.fetches(wanted, status=404 if sin else 200)


@TALES.of("desired-state.bundle-served")
def bundle_is_named(story: Visits, sin: bool) -> None:
    """It cannot be had."""
    wanted = Assigned()
    story.serves(2, wanted)
    story.fetches_bundle(wanted, status=404 if sin else 200)


@TALES.of("desired-state.document-served")
def document_is_held(story: Visits, sin: bool) -> None:
    """It is said not to have changed to one who holds nothing."""
    wanted = Assigned()
    story.serves(2, wanted)
    story.fetches(wanted, status=304, headers=[] if sin else ['If-None-Match: "held"'])


@TALES.of("desired-state.document-digest")
def document_has_a_digest(story: Visits, sin: bool) -> None:
    """It has one more line than it says."""
    wanted = Assigned()
    story.fetches(wanted, text(wanted.document) + (b"\n" if sin else b""))


@TALES.of("desired-state.bundle-digest")
def bundle_has_a_digest(story: Visits, sin: bool) -> None:
    """It is packed anew."""
    wanted = Assigned()
    packed = archive({wanted.id: text(wanted.document)}, mtime=1)
    story.fetches_bundle(wanted, content=packed if sin else None)


def headed(name: str, good: str, bad: str) -> None:
    """Documents and bundles are sent with one header or another; in both `%s` is the digest in the path."""

    @TALES.of(f"desired-state.document-{name}")
    def document_is_sent(story: Visits, sin: bool) -> None:
        wanted = Assigned()
        digest = digest_of(text(wanted.document))
        story.fetches(wanted, answer=(bad if sin else good).replace("%s", digest))

    @TALES.of(f"desired-state.bundle-{name}")
    def bundle_is_sent(story: Visits, sin: bool) -> None:
        wanted = Assigned()
        digest = digest_of(archive({wanted.id: text(wanted.document)}))
        kind = good.replace("application/yaml", "application/vnd.margo.bundle.v1+tar+gzip")
        story.fetches_bundle(wanted, answer=(bad if sin else kind).replace("%s", digest))


headed("media-type", "Content-Type: application/yaml", "Content-Type: application/octet-stream")
headed("etag", 'ETag: "%s"', 'ETag: W/"%s"')
for _left_out in IMMUTABLE:
    _rest = ", ".join(word for word in IMMUTABLE if word != _left_out)
    headed("cache", f"Cache-Control: {_rest}, {_left_out.title()}", f"Cache-Control: {_rest}")


def unknown(kind: str, path: str, fragment: str) -> None:
    """Nobody knows what is asked for; the sin is another answer than the right one."""
    for status, told in ((200, b"x"), (404, problem("device-not-found")), (410, problem(fragment))):

        @TALES.of(f"desired-state.{kind}-unknown-404")
        def tell(story: Visits, sin: bool, status: int = status, told: bytes = told) -> None:
            story.serves(1)
            content = told if sin else problem(fragment)
            story.asks(f"GET {path}", status if sin else 404, "", content)


unknown("document", f"/api/v1/deployments/{Assigned().id}/{STRANGE}", "deployment-not-found")
unknown("bundle", f"/api/v1/bundles/{STRANGE}", "invalid-bundle")


@TALES.of("desired-state.document-id")
def document_has_an_id(story: Visits, sin: bool) -> None:
    """It is that of another deployment."""
    wanted = Assigned()
    story.fetches(wanted, wanted.document | ({"id": Assigned().id} if sin else {}))


def bundled(content: str) -> None:
    """A bundle holds what its manifest names; the sin is one member less, more or changed, or no bundle at all."""

    @TALES.of("desired-state.bundle-exact-set")
    def tell(story: Visits, sin: bool) -> None:
        one, other, more = Assigned(), Assigned(), Assigned()
        changed = copy.copy(other)
        changed.values = {"rate": 1}
        bundles = {"less": [one], "more": [one, other, more], "changed": [one, changed]}
        story.serves(2, one, other)
        members = {wanted.id: text(wanted.document) for wanted in bundles.get(content, [])}
        packed = b"no archive" if content == "none" else archive(members)
        story.fetches_bundle(one, other, content=packed if sin else None)


for _content in ("less", "more", "changed", "none"):
    bundled(_content)


@pytest.mark.parametrize("name", TALES)
def test_judge_tells_right_from_wrong(name: str) -> None:
    """Kept and broken."""
    TALES.assert_judged(name)
