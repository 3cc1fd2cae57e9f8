"""Where the rules about documents and bundles of a WOS end: what is no occasion for them, and what is just one."""

import gzip
import zlib

from visits import Assigned, Visits, text
from wos_conformance.drive.archive import archive

STRANGE = "sha256:" + "0" * 64
NO_GZIP = {"answer": "Content-Encoding: gzip", "content": b"no gzip"}


def kept(story: Visits, requirement: str) -> list[bool]:
    """What a judge says, occasion by occasion."""
    return [judgement.kept for judgement in story.judged(f"desired-state.{requirement}")]


def test_body_that_cannot_be_read_hides_no_other() -> None:
    """It has no digest."""
    story, wanted = Visits(), Assigned()
    path = f"GET /api/v1/deployments/{wanted.id}/{STRANGE}"
    story.asks(path, **NO_GZIP)
    story.asks(path, content=text(wanted.document))
    assert kept(story, "document-digest") == [False]


def test_document_that_is_held_may_be_served() -> None:
    """The tag is not that of the document."""
    story, wanted = Visits(), Assigned()
    story.serves(2, wanted)
    story.fetches(wanted, headers=['If-None-Match: "held"'])
    assert kept(story, "document-served") == [True]


def test_what_is_strange_is_known_to_be_after_each_manifest() -> None:
    """Between a change and the next one it is not."""
    story, wanted, strange = Visits(), Assigned(), Assigned()
    story.serves(1)
    story.assign(wanted)
    story.fetches(strange)
    assert kept(story, "document-unknown-404") == []
    story.serves(2, wanted)
    story.fetches(wanted)
    story.fetches(strange)
    assert kept(story, "document-unknown-404") == [False]


def test_path_that_names_no_digest_is_no_strange_document() -> None:
    """It is read in two ways, or leads elsewhere."""
    story, wanted = Visits(), Assigned()
    story.serves(1)
    story.asks(f"GET /api/v1/deployments/{wanted.id}/sha256:%20", 400)
    story.asks(f"GET /api/v1/deployments/{wanted.id}/status", 405)
    assert kept(story, "document-unknown-404") == []


def test_bundle_that_nobody_can_look_into_hides_no_other() -> None:
    """Nor does one that no manifest names."""
    story, wanted, other = Visits(), Assigned(), Assigned()
    story.serves(2, wanted)
    story.fetches_bundle(other)
    story.fetches_bundle(wanted, content=b"no archive")
    story.fetches_bundle(wanted, content=archive({other.id: text(other.document)}))
    assert kept(story, "bundle-member-names") == [False]


def test_nobody_looks_into_a_bundle_of_more_than_eight_mebibytes() -> None:
    """It is only just larger."""
    story, wanted = Visits(), Assigned()
    story.serves(2, wanted)
    story.fetches_bundle(wanted, content=archive({wanted.id: b" " * (8 << 20)}))
    assert kept(story, "bundle-member-names") == []


def test_archive_in_another_format_than_gzip_is_no_bundle() -> None:
    """It holds the same."""
    story, wanted = Visits(), Assigned()
    packed = archive({wanted.id: text(wanted.document)})
    story.serves(2, wanted)
    story.fetches_bundle(wanted, content=zlib.compress(gzip.decompress(packed)))
    assert kept(story, "bundle-exact-set") == [False]
