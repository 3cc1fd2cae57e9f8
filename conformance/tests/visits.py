"""Stories of one WOS, told event by event with a clock of their own, for tests of its judges."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from random import Random
from typing import Any

import tales
from wos_conformance.drive import sample
from wos_conformance.drive.archive import archive
from wos_conformance.drive.defect import offer
from wos_conformance.drive.publication import digest_of, document
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import (
    Body,
    Closed,
    Connection,
    Control,
    Credential,
    Deadline,
    Exchange,
    Header,
    History,
    Message,
)
from wos_conformance.judges import REGISTER, Judgement

RANDOM = Random(7)
DOMAIN = TrustDomain.create("plant.example", "main")
ONE, TWO = (f"{DOMAIN.wos_spiffe_id}/client/{name}" for name in ("one", "two"))
DEVICE = "press-7"
MANIFEST_TYPE = "application/vnd.margo.manifest.v1+json"
PROBLEMS = "https://docs.margo.org/specification/problem-types#"


def problem(kind: str, **members: Any) -> bytes:
    """A problem document; the registry is asked for nothing here."""
    uri = kind if ":" in kind else PROBLEMS + kind
    return json.dumps({"type": uri, "title": kind, "status": 400} | members).encode()


def capabilities(device: str = DEVICE, **changes: Any) -> dict[str, Any]:
    """The document of a device; members of `properties` may be given."""
    value = sample.capabilities(Random(1), device)
    value["properties"] |= changes
    return value


class Assigned:
    """A deployment as a WOS was told to want it, with the document that it should become."""

    def __init__(self, device: str = DEVICE, kind: str = "compose", **changes: Any) -> None:
        self.id = sample.uuid(RANDOM)
        self.device = device
        self.values: dict[str, Any] = {}
        self.application = sample.application(RANDOM, components=2, kind=kind)
        self.chosen = 0
        self.profile.update(changes)

    @property
    def profile(self) -> dict[str, Any]:
        """The profile that is assigned."""
        profile: dict[str, Any] = self.application["deploymentProfiles"][self.chosen]
        return profile

    @property
    def document(self) -> dict[str, Any]:
        """The right document, to be spoilt at will."""
        chosen = self.application | {"deploymentProfiles": [self.profile]}
        value: dict[str, Any] = json.loads(document(self.id, self.device, chosen, self.values))
        return value

    def report(self, version: int = 2, state: str = "installed") -> dict[str, Any]:
        """A right report."""
        return sample.status(self.id, version, [part["name"] for part in self.profile["components"]], state)


class Visits:
    """What happened to one WOS; every event takes a tenth of a second unless told otherwise."""

    def __init__(self, features: Sequence[str] = ()) -> None:
        self.now = 0.0
        self.events: list[Any] = []
        self._blobs: dict[str, bytes] = {}
        self._connection = "c"
        texts = dict.fromkeys(("run", "specification_digest", "suite", "suite_digest", "depth", "target"), "x")
        facts = {"role": "wos", "specification": "1.0", "started": "now", "seed": 1, "level": 1}
        roots = [hashlib.sha256(der).hexdigest() for der in DOMAIN.roots]
        domain = {"trust_domain": DOMAIN.name, "wos_id": DOMAIN.wos_id, "roots": roots}
        self._event(Header, **texts, **facts, **domain, features=list(features))

    def _event(self, kind: Callable[..., Any], **facts: Any) -> Any:
        event = kind(seq=len(self.events), at=self.now, prev="", **facts)
        self.events.append(event)
        self.now = round(self.now + 0.1, 6)
        return event

    def _body(self, content: bytes) -> Body:
        name = hashlib.sha256(content).hexdigest()
        self._blobs[name] = content
        return Body(digest=f"sha256:{name}", length=len(content), stored=len(content), blob=name)

    def waits(self, seconds: float) -> None:
        """Nothing happens for so long."""
        self.now = round(self.now + seconds, 6)

    # what the operator does

    def control(self, verb: str, outcome: str = "done", response: Any = None, **request: Any) -> Control:
        """A verb of the test control."""
        facts: dict[str, Any] = {"started": self.now, "ended": self.now, "outcome": outcome, "response": response or {}}
        return self._event(Control, verb=verb, request=deepcopy(request), **facts)  # type: ignore[no-any-return]

    def admit(self, client: str = ONE) -> Control:
        """A client is accepted."""
        return self.control("admit", spiffeId=client)

    def retire(self, client: str = ONE) -> Control:
        """A client is accepted no longer."""
        return self.control("retire", spiffeId=client)

    def assign(self, *wanted: Assigned, client: str = ONE, outcome: str = "done") -> None:
        """Deployments are assigned."""
        for one in wanted:
            self.control(
                "assign",
                outcome,
                {"deploymentId": one.id},
                spiffeId=client,
                deviceId=one.device,
                application=one.application,
                profileId=one.profile["id"],
                parameters=one.values,
            )

    def withdraw(self, wanted: Assigned) -> Control:
        """A deployment is no longer wanted."""
        return self.control("withdraw", deploymentId=wanted.id)

    def update(self, wanted: Assigned) -> Control:
        """The parameters of a deployment change."""
        wanted.values = {"rate": len(self.events)}
        return self.control("update", deploymentId=wanted.id, parameters=wanted.values)

    def view(
        self,
        devices: Mapping[str, Any] = {},
        reports: Mapping[str, Any] = {},
        client: str = ONE,
        ages: Mapping[str, Any] = {},
    ) -> Control:
        """The operator looks; a report without an age is shown without one."""
        shown = {
            "devices": [{"deviceId": name, "capabilities": value} for name, value in devices.items()],
            "deployments": [
                {"deploymentId": name, "status": value, **({"ageSeconds": ages[name]} if name in ages else {})}
                for name, value in reports.items()
            ],
        }
        return self.control("view", response=shown, spiffeId=client)

    # what clients do

    def connect(
        self,
        flaw: str | None = None,
        outcome: str = "established",
        client: str | None = ONE,
        peer: Sequence[bytes] = (),
        **facts: Any,
    ) -> Connection:
        """A new connection, on which everything goes from now on; the WOS may show certificates in DER."""
        self._connection = f"c{len(self.events)}"
        name = facts.pop("name", flaw or "good")
        credential = Credential(name=name, spiffe_id=client, flaw=flaw)
        facts |= {"peer": [self._body(der) for der in peer]} if peer else {}
        return self._event(  # type: ignore[no-any-return]
            Connection, connection=self._connection, by="suite", credential=credential, outcome=outcome, **facts
        )

    def close(self, connection: Connection, reason: str) -> None:
        """A connection ends."""
        self._event(Closed, connection=connection.connection, sent=1, received=1, reason=reason)

    def on(self, connection: Connection) -> None:
        """Go on with an earlier connection."""
        self._connection = connection.connection

    def asks(
        self,
        request: str,
        status: int | None = 200,
        answer: str = "",
        content: bytes = b"",
        *,
        sent: Any = None,
        headers: Sequence[str] = (),
        client: str = ONE,
        protocol: str = "HTTP/1.1",
        began: float | None = None,
        **facts: Any,
    ) -> Exchange:
        """A request such as `GET /path`, with JSON or bytes, and its answer with these headers."""
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode() if sent is not None else b""
        head = "\r\n".join([f"{request} HTTP/1.1", "Host: wos", *headers, "", ""])
        lines = [f"{protocol} {status} Text", *filter(None, answer.split("\n")), "", ""]
        started = self.now if began is None else began
        return self._event(  # type: ignore[no-any-return]
            Exchange,
            connection=self._connection,
            client=client,
            request=Message(head, self._body(body) if body else None),
            response=Message("\r\n".join(lines), self._body(content) if content else None) if status else None,
            started=started,
            ended=self.now,
            **facts,
        )

    def announces(
        self, device: str = DEVICE, document: Any = None, status: int | None = 201, content: bytes = b"", **facts: Any
    ) -> Exchange:
        """A device is announced."""
        sent = capabilities(device) if document is None else document
        return self.asks(f"PUT /api/v1/capabilities/{device}", status, "", content, sent=sent, **facts)

    def forgets(self, device: str = DEVICE, status: int = 204, content: bytes = b"", **facts: Any) -> Exchange:
        """A device is withdrawn."""
        return self.asks(f"DELETE /api/v1/capabilities/{device}", status, "", content, **facts)

    def polls(self, status: int | None = 304, *headers: str, answer: str = "", **facts: Any) -> Exchange:
        """A client asks for its manifest."""
        return self.asks("GET /api/v1/deployments", status, answer, headers=headers, **facts)

    def serves(
        self, version: int, *wanted: Assigned, headers: Sequence[str] = (), answer: str = "", **facts: Any
    ) -> str:
        """A client asks for its manifest and gets one that names the right documents; its tag."""
        made = offer(version, {one.id: text(one.document) for one in wanted})
        content = facts.pop("content", made.manifest)
        tag = facts.pop("tag", made.etag)
        self.polls(200, *headers, answer=f"ETag: {tag}\n{answer}", content=content, **facts)
        return str(tag)

    def fetches(self, wanted: Assigned, document: Any = None, **facts: Any) -> Exchange:
        """A client gets the document that its manifest names, if that is the right one, or another under its name."""
        digest = digest_of(text(wanted.document))
        content = document if isinstance(document, bytes) else text(wanted.document if document is None else document)
        path = f"GET /api/v1/deployments/{wanted.id}/{digest}"
        return self.asks(path, facts.pop("status", 200), facts.pop("answer", ""), content, **facts)

    def fetches_bundle(self, *wanted: Assigned, content: bytes | None = None, **facts: Any) -> Exchange:
        """A client gets the bundle that its manifest names."""
        right = archive({one.id: text(one.document) for one in wanted})
        path = f"GET /api/v1/bundles/{digest_of(right)}"
        answer = facts.pop("answer", "")
        return self.asks(path, facts.pop("status", 200), answer, right if content is None else content, **facts)

    def shows(self, wanted: Assigned, document: Any) -> None:
        """A deployment is assigned, published and fetched; the manifest names whatever document is served."""
        self.assign(wanted)
        self.publishes(wanted, document)

    def publishes(self, wanted: Assigned, document: Any) -> None:
        """A client gets a manifest that names this document, and the document."""
        content = document if isinstance(document, bytes) else text(document)
        made = offer(len(self.events), {wanted.id: content})
        self.polls(200, answer=f"ETag: {made.etag}\n", content=made.manifest)
        self.asks(f"GET /api/v1/deployments/{wanted.id}/{digest_of(content)}", content=content)

    def reports(self, wanted: Assigned, report: Any = None, status: int | None = 200, **facts: Any) -> Exchange:
        """A client reports."""
        sent = wanted.report() if report is None else report
        content = facts.pop("content", b"")
        return self.asks(f"POST /api/v1/deployments/{wanted.id}/status", status, "", content, sent=sent, **facts)

    def forged(self, victim: str) -> str:
        """A header with the certificate of somebody."""
        leaf = DOMAIN.agent(victim.rpartition("/")[2]).chain_der[0]
        return f"Client-Cert: :{base64.b64encode(leaf).decode()}:"

    def dialled(self) -> None:
        """The WOS dials the decoy."""
        credential = Credential(name="decoy")
        self._event(Connection, connection="d", by="target", credential=credential, outcome="refused")

    def deadline(self, what: str, subject: Exchange) -> None:
        """A wait has ended."""
        self._event(Deadline, what=what, bound=1.0, subject=subject.seq, met=False)

    # and what judges say

    @property
    def history(self) -> History:
        """The story so far."""
        return History(self.events, self._blobs)

    def judged(self, requirement: str) -> list[Judgement]:
        """What the judge of a requirement says."""
        return list(REGISTER[requirement](self.history))


def text(value: Any) -> bytes:
    """A document as it is served."""
    return json.dumps(value, indent=1).encode() + b"\n"


Tales = partial(tales.Tales, Visits)
"""Stories that are told by one."""
