"""What happened stays what happened: any change to the evidence of a run is found, and the file is named."""

import json
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from told import begun
from wos_conformance.cli import main
from wos_conformance.history import Deadline, Footer, History, HistoryCut, HistoryDamaged, Recorder
from wos_conformance.report import report

UNTOUCHED = 1  # the small run is diagnostic, so it is no claim


def judge_again(folder: Path) -> Result:
    """`wos-conformance judge FOLDER`."""
    return CliRunner().invoke(main, ["judge", str(folder)])


def test_untouched_evidence_gives_the_verdict_of_the_run_again(evidence: Path) -> None:
    """Same exit code, same report, byte for byte."""
    before = (evidence / report.REPORT).read_bytes()
    result = judge_again(evidence)
    assert result.exit_code == UNTOUCHED == json.loads(before)["conclusion"]["exit_code"]
    assert report.write(evidence).files()[report.REPORT] == before


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(choice=st.data())
def test_one_changed_byte_is_found_and_its_file_named(small_run: Path, evidence: Path, choice: st.DataObject) -> None:
    """In the history, in any blob, in the reports and in the page."""
    paths = sorted(p for p in small_run.rglob("*") if p.is_file() and p.name != "harness.log" and p.stat().st_size)
    original = choice.draw(st.sampled_from(paths))
    content = bytearray(original.read_bytes())
    at = choice.draw(st.integers(0, len(content) - 1))
    content[at] ^= choice.draw(st.integers(1, 255))
    changed = evidence / original.relative_to(small_run)
    changed.write_bytes(content)
    try:
        result = judge_again(evidence)
    finally:
        changed.write_bytes(original.read_bytes())
    assert result.exit_code == 3, result.output
    assert original.name in result.output
    assert "conformant" not in result.output


@pytest.mark.parametrize("name", ["history.ndjson", "report.json", "junit.xml", "scenarios.html"])
def test_one_byte_cut_off_the_end_is_found(evidence: Path, name: str) -> None:
    """The file is named."""
    path = evidence / name
    path.write_bytes(path.read_bytes()[:-1])
    result = judge_again(evidence)
    assert result.exit_code == 3
    assert name in result.output


@pytest.mark.parametrize("name", ["history.ndjson", "report.json", "junit.xml", "scenarios.html"])
def test_missing_file_is_found(evidence: Path, name: str) -> None:
    """The file is named."""
    (evidence / name).unlink()
    result = judge_again(evidence)
    assert result.exit_code == 3
    assert name in result.output


def test_missing_and_surplus_blobs_are_found(evidence: Path) -> None:
    """The blob is named."""
    blob = next((evidence / "blobs").iterdir())
    content = blob.read_bytes()
    blob.unlink()
    assert blob.name in judge_again(evidence).output
    blob.write_bytes(content)
    (evidence / "blobs" / ("0" * 64)).write_bytes(b"more")
    result = judge_again(evidence)
    assert result.exit_code == 3
    assert "0" * 64 in result.output


def test_lines_cannot_be_left_out_or_swapped(evidence: Path) -> None:
    """Not even when every single line is as it was written."""
    path = evidence / "history.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in ([*lines[:5], *lines[6:]], [*lines[:5], lines[6], lines[5], *lines[7:]]):
        path.write_bytes(b"".join(changed))
        result = judge_again(evidence)
        assert result.exit_code == 3
        assert "history.ndjson line 6" in result.output


def test_run_that_was_cut_is_judged_as_far_as_it_came(evidence: Path) -> None:
    """Rules that were broken stay broken; nothing is claimed."""
    path = evidence / "history.ndjson"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(HistoryCut):
        History.read(evidence)
    computed = report.write(evidence)
    assert computed.exit_code == 3
    assert computed.value["conclusion"]["reasons"] == ["the run was cut before its end"]


def test_report_is_valid_against_its_schema(evidence: Path) -> None:
    """The schema itself is valid, too."""
    jsonschema.Draft202012Validator.check_schema(report.schema())
    jsonschema.validate(json.loads((evidence / report.REPORT).read_bytes()), report.schema())


def test_evidence_holds_no_secret(small_run: Path) -> None:
    """No private key, no token."""
    token = (small_run.parent / "wos" / "token").read_bytes().strip()
    for path in small_run.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"PRIVATE KEY" not in content, path
            assert token not in content, path


def test_page_stands_alone(small_run: Path) -> None:
    """It loads nothing from elsewhere."""
    page = Loads()
    page.feed((small_run / "scenarios.html").read_text("utf-8"))
    assert page.found == []


class Loads(HTMLParser):
    """What a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note sources of scripts, styles, pictures and frames; a link to click on loads nothing."""
        if tag != "a":
            self.found += [v for n, v in attrs if n in ("src", "href") and v and not v.startswith("data:")]


@given(bodies=st.lists(st.binary(max_size=64)), limit=st.integers(0, 32))
def test_bodies_come_back_as_they_were_stored(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], limit: int
) -> None:
    """The beginning as bytes; digest and length of all of it."""
    folder = tmp_path_factory.mktemp("bodies")
    with begun(folder) as recorder:
        for content in bodies:
            body = recorder.store(content, limit)
            assert recorder.blobs[body.blob] == content[:limit]
            assert (body.length, body.stored) == (len(content), min(limit, len(content)))


def test_secret_is_struck_out_at_equal_length(tmp_path: Path) -> None:
    """In lines and in bodies."""
    with begun(tmp_path) as recorder:
        recorder.redact(b"open sesame")
        body = recorder.store(b"say open sesame twice")
        recorder.record(Deadline, what="open sesame", bound=1.0, subject=0, met=True)
    assert recorder.blobs[body.blob] == b"say *********** twice"
    assert b"sesame" not in (tmp_path / "history.ndjson").read_bytes()


def test_history_is_written_once(tmp_path: Path) -> None:
    """A folder that holds a history is not written again."""
    with Recorder(tmp_path):
        pass
    with pytest.raises(FileExistsError):
        Recorder(tmp_path)


def test_empty_history_is_damaged(tmp_path: Path) -> None:
    """Nothing is read into it."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "history.ndjson").write_bytes(b"")
    with pytest.raises(HistoryDamaged, match="line 1: expected a header"):
        History.read(tmp_path)


def test_footer_tells_why_a_run_ended(tmp_path: Path) -> None:
    """An exception in the block is written down."""

    def stumble(recorder: Recorder) -> None:
        with recorder:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        stumble(begun(tmp_path))
    last = History.read(tmp_path).events[-1]
    assert isinstance(last, Footer)
    assert last.errors == ["RuntimeError('no more')"]
    assert not last.complete
