"""Media types, content codings, tags (desired-state.md)."""

import gzip
from collections.abc import Iterator

import httpx
import pytest
from visited_wos import MANIFEST, Client, assert_problem, capabilities, digest_of, status

TYPE = "application/vnd.margo.manifest.v1+json"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ([], 200),
        (["*/*"], 200),
        (["application/*"], 200),
        ([TYPE], 200),
        ([TYPE.upper()], 200),
        (["text/plain;q=0.9, application/*;q=0.1"], 200),
        (["text/plain", TYPE], 200),
        ([f"{TYPE};q=0.001"], 200),
        ([f"*/*;q=0, {TYPE};q=0.1"], 200),
        (["application/*;q=0, */*"], 406),
        (["application/json"], 406),
        (["text/*"], 406),
        ([f"{TYPE};q=0"], 406),
        ([f"{TYPE};q=0, */*"], 406),
        (["application/*;q=0.0, text/plain"], 406),
        (["*/*;q=0"], 406),
    ],
)
def test_most_specific_range_decides(client: Client, accept: list[str], expected: int) -> None:
    """RFC 9110, 12.5.1."""
    answer = ask(client, MANIFEST, [("accept", value) for value in accept])
    if expected == 406:
        assert_problem(answer, 406, "server-cannot-generate-response")
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (200, TYPE)


def ask(client: Client, path: str, headers: list[tuple[str, str]]) -> httpx.Response:
    """A request with exactly these headers of negotiation, and a body that is left as it came."""
    request = client.http.build_request("GET", path)
    for name in ("accept", "accept-encoding"):
        del request.headers[name]
    request.headers = httpx.Headers([*request.headers.multi_items(), *headers])
    answer = client.http.send(request, stream=True)
    answer._content = b"".join(raw(answer))
    return answer


def raw(answer: httpx.Response) -> Iterator[bytes]:
    """The body with its content coding."""
    yield from answer.iter_raw()
    answer.close()


@pytest.mark.parametrize(
    ("accepted", "coded"),
    [
        (None, False),
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("identity;q=0.5, gzip", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.1, identity", False),
    ],
)
def test_coding_is_sent_to_whoever_takes_it(client: Client, accepted: str | None, coded: bool) -> None:
    """One tag names the body in every coding; the gzip of a bundle is content."""
    client.assign()
    manifest = client.manifest()
    headers = [] if accepted is None else [("accept-encoding", accepted)]
    for path in (MANIFEST, manifest["bundle"]["url"], manifest["deployments"][0]["url"]):
        answer = ask(client, path, headers)
        assert answer.headers.get("content-encoding") == ("gzip" if coded else None)
        assert answer.headers["vary"].lower() == "accept-encoding"
        body = gzip.decompress(answer.content) if coded else answer.content
        assert answer.headers["etag"] == f'"{digest_of(body)}"'


def test_304_has_the_tag_of_200(client: Client) -> None:
    """For the manifest, the bundle and documents."""
    client.assign()
    manifest = client.manifest()
    for path in (MANIFEST, manifest["bundle"]["url"], manifest["deployments"][0]["url"]):
        first = client.http.get(path)
        again = client.http.get(path, headers={"if-none-match": f"W/{first.headers['etag']}"})
        assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        (None, True),
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("Application/JSON", True),
        ("text/plain", False),
        ("application/yaml", False),
        ("application/merge-patch+json", False),
        ("", False),
    ],
)
def test_only_json_is_read(client: Client, content_type: str | None, accepted: bool) -> None:
    """Of capabilities and reports; without a content type, a body is read as JSON."""
    deployment = client.assign()
    for method, path, body in (
        ("PUT", f"/api/v1/capabilities/{client.device_id}", capabilities(client.device_id)),
        ("POST", f"{MANIFEST}/{deployment}/status", status(deployment)),
    ):
        request = client.http.build_request(method, path, json=body)
        del request.headers["content-type"]
        if content_type is not None:
            request.headers["content-type"] = content_type
        answer = client.http.send(request)
        if accepted:
            assert answer.status_code in (200, 201), answer.text
        else:
            assert_problem(answer, 415)


@pytest.mark.parametrize("path", ["deployments", "capabilities/x", "bundles/x", "anything"])
def test_major_version_that_is_not_there(client: Client, path: str) -> None:
    """There is no negotiation."""
    assert_problem(client.http.get(f"/api/v17/{path}"), 404)


@pytest.mark.parametrize(
    "digest", ["sha256:" + "A" * 64, "sha256:" + "0" * 63, "sha512:" + "0" * 128, "0" * 64], ids=str
)
def test_digest_that_is_none_names_nothing(client: Client, digest: str) -> None:
    """It is answered like an unknown one."""
    deployment = client.assign()
    assert_problem(client.http.get(f"{MANIFEST}/{deployment}/{digest}"), 404, "deployment-not-found")
    assert_problem(client.http.get(f"/api/v1/bundles/{digest}"), 404, "invalid-bundle")
