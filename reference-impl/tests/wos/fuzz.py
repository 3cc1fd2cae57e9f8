"""Requests that Schemathesis makes from every OpenAPI document which the reference WOS serves (`make fuzz`).

None is answered with a server error, a refusal has the form that the document gives it, and nothing that was refused
has changed a row.
Half of the requests are aimed: they name what is there, and so come further.
"""

import base64
import hashlib
import http.client
import json
import os
import sqlite3
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import schemathesis
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from fuzzed_wos import Ground
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from trust_domain import TrustDomain
from visited_wos import PATIENCE, TOKEN, Wos, identity_service

CASES = int(os.environ.get("FUZZ_CASES", "400" if os.environ.get("CI") == "true" else "20000"))
SEED = int(os.environ.get("FUZZ_SEED", "4711"))
OPENAPI = next(p / "spec/v1.0/openapi" for p in Path(__file__).resolve().parents if (p / "spec/v1.0").is_dir())
DOCUMENTS = ("wos", "enrolment", "trust", "test-control")
CONTROL = "test-control"
NOT_SENT = {"restart"}
"""It ends the process that is looked at."""
EACH = {"wos": 100, "enrolment": 100, "trust": 100, CONTROL: 25}
"""Cases of an operation in a round; applications take long to make."""
NOT_ACCEPTED_AT_MOST = 4
"""One in so many cases may be answered 403, which says little about what lies behind."""
WRITTEN_HERE = {"connection", "content-length", "host", "transfer-encoding", "accept-encoding"}


def certificate_requests() -> st.SearchStrategy[bytes]:
    """Good ones, those with some bytes changed, and anything else, in base64."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    good = built.public_bytes(Encoding.DER)
    changes = st.dictionaries(st.integers(0, len(good) - 1), st.integers(0, 255), max_size=3)
    changed = changes.map(lambda found: bytes(found.get(place, byte) for place, byte in enumerate(good)))
    return st.one_of(changed, st.binary(max_size=300)).map(base64.b64encode)


schemathesis.openapi.media_type("application/pkcs10", certificate_requests())


@dataclass(frozen=True)
class Operation:
    """One operation of a document, made valid or with something wrong."""

    document: str
    mode: GenerationMode
    made: Any

    @property
    def name(self) -> str:
        """As the document calls it."""
        return str(self.made.definition.raw["operationId"])

    @cached_property
    def cases(self) -> st.SearchStrategy[Any]:
        """Requests; to find out how to make them takes longer than to make some."""
        return self.made.as_strategy(generation_mode=self.mode)

    @property
    def label(self) -> str:
        """Method, path and mode."""
        return f"{self.made.label} {self.mode.value}"


def operations(document: str) -> Iterator[Operation]:
    """All operations of a document that a WOS answers."""
    for result in schemathesis.openapi.from_path(OPENAPI / f"{document}.yaml").get_all_operations():
        assert isinstance(result, Ok), result
        found = Operation(document, GenerationMode.POSITIVE, result.ok())
        of_agents = document == CONTROL and found.made.definition.raw["tags"] != ["wos"]
        if found.name in NOT_SENT or of_agents:
            continue
        yield found
        if found.made.body or found.made.path_parameters:
            yield Operation(document, GenerationMode.NEGATIVE, found.made)


class Storage:
    """The rows of a database, but for when clients were seen; read again only when somebody has committed."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._version = -1
        self._digest = b""

    def digest(self) -> bytes:
        """What tells whether a row has changed."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version, self._digest = version, self._read()
        return self._digest

    def _read(self) -> bytes:
        digest = hashlib.sha256()
        tables = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        for (table,) in tables:
            columns = [row[1] for row in self._database.execute(f"PRAGMA table_info({table})") if row[1] != "seen_at"]
            for row in self._database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"):
                digest.update(repr(row).encode())
        return digest.digest()

    def close(self) -> None:
        """Leave."""
        self._database.close()


@dataclass
class Target:
    """A WOS with what is there, who talks to each listener, and the counts."""

    wos: Wos
    ground: Ground
    storage: Storage
    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def look_at(self, operation: Operation, case: Any) -> None:
        """Send one case; look at the answer, and at the storage when it was refused."""
        before = self.storage.digest()
        answer = self._exchange(operation, case)
        if answer is None:
            return
        status, kind, body = answer
        self.cases[operation.document] += 1
        self.statuses[status] += 1
        said = f"{operation.label} was answered {status} {kind} {body[:500]!r}"
        assert status < 500 or status == 501, said
        if status >= 400:
            assert self.storage.digest() == before, f"{said}, and something was stored"
            assert is_refusal(operation.document, status, kind, body), said

    def _exchange(self, operation: Operation, case: Any) -> tuple[int, str, bytes] | None:
        """Status, content type and body; None when HTTP cannot say what was made."""
        made = case.as_transport_kwargs(base_url="https://wos.example")
        url, connection = urlsplit(made["url"]), self._connection(operation.document)
        try:
            content = content_of(made)
            connection.putrequest(made["method"], quote(url.path, "/%~:@!$&'()*+,;="), skip_accept_encoding=True)
            for name, value in self._headers(operation, made["headers"]).items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
        except (ValueError, UnicodeError):
            connection.close()
            return None
        with connection.getresponse() as response:
            return response.status, response.headers.get("content-type", ""), response.read()

    def _headers(self, operation: Operation, made: dict[str, Any]) -> dict[str, str]:
        headers = {name.lower(): str(value) for name, value in made.items() if name.lower() not in WRITTEN_HERE}
        if operation.document == CONTROL:
            headers["authorization"] = f"Bearer {TOKEN}"
        if operation.name == "enrol":
            headers["authorization"] = f"Basic {base64.b64encode(f'enrol:{self.ground.code}'.encode()).decode()}"
        return headers

    def _connection(self, document: str) -> http.client.HTTPConnection:
        if document not in self._connections:
            url = {"wos": self.wos.url, CONTROL: self.wos.control_url}.get(document, self.wos.identity_url)
            host, port = urlsplit(url).hostname, urlsplit(url).port
            assert host
            self._connections[document] = (
                http.client.HTTPConnection(host, port, timeout=PATIENCE)
                if document == CONTROL
                else http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self._context())
            )
        return self._connections[document]

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self.wos.trust_domain.root.certificate_pem.decode())
        context.load_cert_chain(self.wos.folder / f"{self.ground.client.credential.certificate.serial_number}.pem")
        return context

    def hang_up(self) -> None:
        """Begin anew, before a connection is idle for too long or too old."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def close(self) -> None:
        """Leave."""
        self.hang_up()
        self.storage.close()


def content_of(made: dict[str, Any]) -> bytes:
    """The body as bytes."""
    if "json" in made:
        return json.dumps(made["json"], ensure_ascii=False).encode("utf-8", "surrogatepass")
    content = made.get("data") or b""
    return content if isinstance(content, bytes) else str(content).encode("utf-8", "surrogatepass")


def is_refusal(document: str, status: int, kind: str, body: bytes) -> bool:
    """Whether it is a problem document, or what the test control says instead."""
    told = json.loads(body)
    if document == CONTROL:
        return kind == "application/json" and isinstance(told["error"], str)
    return kind == "application/problem+json" and told["status"] == status


@pytest.fixture
def target(trust_domain: TrustDomain, tmp_path: Path) -> Iterator[Target]:
    """A WOS of this program alone, with its identity service."""
    service = identity_service(tmp_path, trust_domain)
    database = f"sqlite:///{tmp_path / 'wos.sqlite3'}"
    with (
        closing(Wos(tmp_path, trust_domain, identity_service=service, database=database)) as wos,
        closing(Target(wos, Ground(wos), Storage(tmp_path / "wos.sqlite3"))) as target,
    ):
        yield target


@pytest.mark.timeout(3600)
def test_no_request_is_a_server_error_and_nothing_refused_is_stored(target: Target) -> None:
    """Round after round, each with a seed of its own, until there were enough cases."""
    known = [operation for document in DOCUMENTS for operation in operations(document)]
    turn = 0
    while target.cases.total() < CASES:
        for operation in known:
            fuzz(target, operation, SEED + turn, min(EACH[operation.document], 1 + CASES // len(known)))
        turn += 1
    told = ", ".join(f"{document} {count}" for document, count in target.cases.items())
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(target.statuses.items()))
    print(f"\n{target.cases.total()} cases ({told}) of {len(known)} operations and modes, seed {SEED}; {answers}")
    assert target.statuses[403] * NOT_ACCEPTED_AT_MOST < target.cases.total(), "most ended at the policy"


def fuzz(target: Target, operation: Operation, number: int, examples: int) -> None:
    """Some cases of one operation; what is wrong is told with the smallest case that shows it."""
    target.hang_up()
    target.ground.restore()

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.cases, st.booleans())
    def one(case: Any, aimed: bool) -> None:
        if aimed:
            target.ground.aim(operation.name, case, is_valid=operation.mode is GenerationMode.POSITIVE)
        target.look_at(operation, case)

    one()
