"""Whatever is sent: a problem document of the right type, never a server error, and nothing is stored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from visited_wos import MANIFEST, UNKNOWN, Client, capabilities, problem_of, raw, status

EXAMPLES = next(p / "spec/v1.0/examples" for p in Path(__file__).resolve().parents if (p / "spec/v1.0").is_dir())
DOCUMENTS = ("device-capabilities", "deployment-status")
INVALID = [path for name in DOCUMENTS for path in sorted((EXAMPLES / name / "invalid").glob("*.json"))]
DEEP = b"[" * 50_000 + b"]" * 50_000
MANY = list(range(100_000))

Sent = tuple[bytes, int, str]


BODIES = {
    "empty": (b"", 400, "invalid-request"),
    "blank": (b" \r\n\t", 400, "invalid-request"),
    "cut-short": (b'{"properties": {"id": "x"', 400, "invalid-request"),
    "two-values": (b"{}{}", 400, "invalid-request"),
    "trailing-comma": (b'{"a": 1,}', 400, "invalid-request"),
    "single-quotes": (b"{'a': 1}", 400, "invalid-request"),
    "nan": (b'{"a": NaN}', 400, "invalid-request"),
    "infinity": (b'{"a": -Infinity}', 400, "invalid-request"),
    "latin-1": ('{"a": "é"}'.encode("latin-1"), 400, "invalid-request"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), 400, "invalid-request"),
    "surrogate-bytes": (b'{"a": "\xed\xa0\x80"}', 400, "invalid-request"),
    "overlong": (b'{"a": "\xc0\xaf"}', 400, "invalid-request"),
    "control-character": (b'{"a": "\x00"}', 400, "invalid-request"),
    "nested-deeply": (DEEP, 400, "invalid-request"),
    "gzip": (b"\x1f\x8b\x08\x00", 400, "invalid-request"),
    "array": (b"[]", 422, "semantic-error"),
    "null": (b"null", 422, "semantic-error"),
    "text": (b'"x"', 422, "semantic-error"),
    "number": (b"0", 422, "semantic-error"),
    "long-array": (json.dumps(MANY).encode(), 422, "semantic-error"),
    "lone-surrogate": (b'{"a": "\\ud800"}', 422, "semantic-error"),
    "enormous-exponent": (b'{"a": 1e400}', 422, "semantic-error"),
    "enormous-number": (b'{"a": ' + b"9" * 5000 + b"}", 422, "semantic-error"),
    "ten-megabytes": (b'"' + b"x" * (10 << 20) + b'"', 413, "about:blank"),
}


@pytest.mark.parametrize("sent", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_body_that_is_no_document(untouched: tuple[Client, str], kind: str, sent: Sent) -> None:
    """Of either kind."""
    client, deployment = untouched
    body, *expected = sent
    assert problem_of(send(client, kind, deployment, body)) == tuple(expected)


def send(client: Client, kind: str, deployment: str, body: bytes) -> Any:
    """Send a body to where documents of a kind go."""
    headers = {"content-type": "application/json"}
    if kind == "device-capabilities":
        return client.http.put(f"/api/v1/capabilities/{client.device_id}", content=body, headers=headers)
    return client.http.post(f"{MANIFEST}/{deployment}/status", content=body, headers=headers)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_invalid_example_of_the_specification(untouched: tuple[Client, str], path: Path) -> None:
    """Each is wrong in one thing."""
    client, deployment = untouched
    answer = send(client, path.parts[-3], deployment, path.read_bytes())
    assert problem_of(answer) == (422, "semantic-error")
    assert answer.json()["errors"]


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A document with one fault."""
    change(document)
    return json.dumps(document).encode()


def test_faults_do_not_repeat_what_was_sent(client: Client) -> None:
    """Neither names nor values."""
    sent = {**capabilities(client.device_id), "Traceback (most recent call last)": "SELECT secret FROM x"}
    sent["properties"] |= {"memory": "panic: goroutine 1 [", "otelCollector": 'File "x.py", line 1'}
    answer = client.http.put(f"/api/v1/capabilities/{client.device_id}", json=sent)
    assert problem_of(answer) == (422, "semantic-error")
    assert len(answer.json()["errors"]) == 3
    for text in ("Traceback", "SELECT", "panic", "File"):
        assert text not in answer.text


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown-state": lambda d: d["status"].update(state="flying"),
    "state-in-capitals": lambda d: d["status"].update(state="INSTALLED"),
    "state-is-null": lambda d: d["status"].update(state=None),
    "version-is-text": lambda d: d.update(adoptedManifestVersion="2"),
    "version-is-fraction": lambda d: d.update(adoptedManifestVersion=2.5),
    "version-is-zero": lambda d: d.update(adoptedManifestVersion=0),
    "version-is-too-great": lambda d: d.update(adoptedManifestVersion=2**64),
    "version-is-true": lambda d: d.update(adoptedManifestVersion=True),
    "components-is-object": lambda d: d.update(components={}),
    "components-are-many-and-wrong": lambda d: d.update(components=[1] * 100_000),
    "id-is-number": lambda d: d.update(deploymentId=7),
    "id-is-of-another": lambda d: d.update(deploymentId=UNKNOWN),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_report_with_one_fault(untouched: tuple[Client, str], fault: Callable[[dict[str, Any]], Any]) -> None:
    """Types, ranges, enumerations."""
    client, deployment = untouched
    body = changed(status(deployment), fault)
    assert problem_of(send(client, "deployment-status", deployment, body)) == (422, "semantic-error")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/capabilities/..", (404, "about:blank")),
        ("/api/v1/capabilities/%2e%2e/%2e%2e/control/v1/admit", (404, "about:blank")),
        ("/api/v1/capabilities/a%00b", (422, "semantic-error")),
        ("/api/v1/capabilities/%ff", (422, "semantic-error")),
        ("/api/v1/capabilities/" + "x" * 8000, (422, "semantic-error")),
        ("/api/v1/capabilities/", (404, "about:blank")),
        ("/api/v1//capabilities/x", (404, "about:blank")),
        ("/API/v1/capabilities/x", (404, "about:blank")),
        ("/api/v1/../v1/capabilities/x", (404, "about:blank")),
    ],
    ids=["dots", "escaped-dots", "nul", "not-utf-8", "long", "no-id", "double-slash", "other-case", "not-resolved"],
)
def test_path_tricks(untouched: tuple[Client, str], path: str, expected: tuple[int, str]) -> None:
    """A path means what it says, byte for byte."""
    client, _ = untouched
    body = json.dumps(capabilities(client.device_id)).encode()
    head = f"PUT {path} HTTP/1.1\r\nHost: wos\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert raw(client, head.encode() + body) == expected


@pytest.mark.parametrize("name", ["%00", "%ff", "..", "a/b/c", "%2f", "'", "x" * 500])
def test_names_that_nobody_gave(untouched: tuple[Client, str], name: str) -> None:
    """Documents, bundles and devices of any name are just not there."""
    client, _ = untouched
    digest = "sha256:" + "0" * 64
    for method, path, kinds in (
        ("GET", f"/api/v1/bundles/{name}", {"invalid-bundle", "about:blank"}),
        ("GET", f"{MANIFEST}/{name}/{digest}", {"deployment-not-found", "about:blank"}),
        ("DELETE", f"/api/v1/capabilities/{name}", {"device-not-found", "about:blank"}),
    ):
        code, kind = raw(client, f"{method} {path} HTTP/1.1\r\nHost: wos\r\n\r\n".encode())
        assert (code, kind in kinds) == (404, True), (path, kind)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: wos\r\n" + b"X-Long: " + b"x" * 200_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 40_000, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: wos\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: wos\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: wos\r\nTransfer-Encoding: rot13\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
    ids=["one-long-header", "many-headers", "not-http", "length-no-number", "two-lengths", "coding", "no-host"],
)
def test_head_that_cannot_be_read(untouched: tuple[Client, str], sent: bytes, expected: int) -> None:
    """It costs bounded memory."""
    client, _ = untouched
    assert raw(client, sent) == (expected, "invalid-request" if expected == 400 else "about:blank")


@pytest.mark.parametrize("method", ["BREW", "M-SEARCH", "PROPFIND", "HEAD", "OPTIONS", "CONNECT", "!#$%&'*+.^_`|~"])
def test_method_is_any_token(client: Client, method: str) -> None:
    """One that the path does not have."""
    answer = client.http.request(method, MANIFEST)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_case_of_a_method_counts(client: Client) -> None:
    """RFC 9110, 9.1."""
    assert raw(client, f"get {MANIFEST} HTTP/1.1\r\nHost: wos\r\n\r\n".encode()) == (405, "about:blank")


def test_target_may_name_the_host(client: Client) -> None:
    """RFC 9112, 3.2.2."""
    sent = f"DELETE {client.wos.url}/api/v1/capabilities/unknown HTTP/1.1\r\nHost: wos\r\n\r\n"
    assert raw(client, sent.encode()) == (404, "device-not-found")


def test_upgrade_is_passed_over(client: Client) -> None:
    """There is one protocol."""
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "x" * 22 + "==",
        "sec-websocket-version": "13",
    }
    assert client.http.get(MANIFEST, headers=headers).status_code == 200
