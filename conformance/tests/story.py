"""Stories of one agent, told event by event with a clock of their own, for tests of its judges."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import tales
from told import CLIENT
from wos_conformance.drive import defect as defects
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.trust_domain import TrustDomain
from wos_conformance.history import (
    Body,
    Closed,
    Connection,
    Control,
    Credential,
    Deadline,
    Document,
    Exchange,
    Fault,
    Header,
    History,
    Message,
    Publication,
)
from wos_conformance.judges import REGISTER, Judgement
from wos_conformance.suite.agent.wanted import Wanted

DECLARED = {"poll_interval": 1.0, "request_timeout": 2.0, "max_backoff": 8.0, "apply_time": 4.0}
DOMAIN = TrustDomain.create("plant.example", "main")
STATE = "state-one"
DEVICE = "press-7"
CAPABILITIES: dict[str, Any] = {
    "properties": {
        "id": DEVICE,
        "vendor": "v",
        "modelNumber": "m",
        "serialNumber": "s",
        "cpus": [{"cores": 2, "architecture": "amd64"}],
        "memory": "2Gi",
        "storage": "8Gi",
        "peripherals": [],
        "interfaces": [{"type": "ethernet"}],
        "otelCollector": True,
        "supportedRuntimes": ["oci"],
        "supportedDeploymentTypes": ["compose"],
    },
    "labels": {"line": 2},
}


class Story:
    """What happened to one agent; every event takes a tenth of a second unless told otherwise."""

    def __init__(self, features: Sequence[str] = ()) -> None:
        self.now = 0.0
        self.version = 0
        self.events: list[Any] = []
        self._blobs: dict[str, bytes] = {}
        self._svid = DOMAIN.agent("one")
        texts = dict.fromkeys(("run", "specification_digest", "suite", "suite_digest", "depth", "target"), "x")
        facts = {"role": "agent", "specification": "1.0", "started": "now", "seed": 1, "level": 1}
        domain = {"trust_domain": "plant.example", "wos_id": "main"}
        self._event(Header, **texts, **facts, **domain, declared=DECLARED, features=list(features))

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

    # what the suite does

    def control(self, verb: str, **request: Any) -> Control:
        """A verb of the test control is done."""
        response = request.pop("response", {})
        facts: dict[str, Any] = {"started": self.now, "ended": self.now, "outcome": "done", "response": response}
        return self._event(Control, verb=verb, request=request, **facts)  # type: ignore[no-any-return]

    def start(
        self,
        client: str = "one",
        state: str = STATE,
        capabilities: Any = None,
        children: Sequence[Any] = (),
        windows: Sequence[Any] = (),
        **more: Any,
    ) -> Control:
        """The agent is started, maybe in front of children, maybe with windows in which it may call."""
        svid = DOMAIN.agent(client).chain_pem.decode()
        more |= {"children": list(children)} if children else {}
        more |= {"pollWindows": list(windows)} if windows else {}
        return self.control("start", state=state, svidPem=svid, capabilities=capabilities or CAPABILITIES, **more)

    def look(self, *wanted: Wanted, **more: Any) -> Control:
        """The components of these deployments are seen to run; `more` is said of each."""
        entries = [
            {
                "deploymentId": w.deployment_id,
                "component": part["name"],
                "type": "compose",
                **part["properties"],
                "parameters": self._values(w, part["name"]),
                **more,
            }
            for w in wanted
            for part in w.application["deploymentProfiles"][0]["components"]
        ]
        return self.control("workloads", state=STATE, response={"workloads": entries})

    def _values(self, wanted: Wanted, component: str) -> dict[str, Any]:
        return {
            target["pointer"]: wanted.values.get(name, parameter["value"])
            for name, parameter in sorted(wanted.application["parameters"].items())
            for target in parameter["targets"]
            if component in target["components"]
        }

    def publish(
        self,
        *wanted: Wanted,
        defect: str | None = None,
        note: str = "",
        client: str = CLIENT,
        authority: str = "",
    ) -> Publication:
        """These deployments are published, under the next version or a lower one."""
        self.version += -1 if defect == "version-lower" else 1
        offer: Offer = defects.offer(
            self.version, {w.deployment_id: w.document(DEVICE) for w in wanted}, defect, note, authority
        )
        return self._event(  # type: ignore[no-any-return]
            Publication,
            client=client,
            version=self.version,
            etag=offer.etag,
            manifest=self._body(offer.manifest),
            bundle=self._body(offer.bundle) if offer.bundle else None,
            documents={n: Document(digest=d, body=self._body(b)) for n, (d, b) in offer.documents.items()},
            defect=defect,
            note=note,
            hopeless={w.deployment_id: w.hopeless for w in wanted if w.hopeless},
        )

    @contextmanager
    def fault(self, name: str, subject: str) -> Any:
        """Something is wrong on purpose."""
        self._event(Fault, name=name, phase="begin", subject=subject)
        yield
        self._event(Fault, name=name, phase="end", subject=subject)

    def deadline(self, what: str, subject: Publication | Control, *, met: bool = True) -> Deadline:
        """A wait has ended."""
        return self._event(Deadline, what=what, bound=9.0, subject=subject.seq, met=met)  # type: ignore[no-any-return]

    # what the agent does

    def asks(
        self,
        request: str,
        status: int | None = 200,
        headers: str = "",
        content: bytes = b"",
        *,
        sent: Any = None,
        sending: str = "",
        took: float = 0.0,
        client: str = CLIENT,
        protocol: str = "HTTP/1.1",
        **facts: Any,
    ) -> Exchange:
        """A request such as `GET /path`, with JSON, and its answer."""
        body = sent if isinstance(sent, bytes) else json.dumps(sent).encode() if sent is not None else b""
        head = f"{request} {protocol}\r\nHost: wos\r\n{sending}\r\n"
        response = f"HTTP/1.1 {status} Text\r\n{headers}\r\n" if status else ""
        started = self.now
        self.now += took
        return self._event(  # type: ignore[no-any-return]
            Exchange,
            connection=facts.pop("connection", "c"),
            client=client,
            request=Message(head, self._body(body) if body else None),
            response=Message(response, self._body(content) if content else None) if status else None,
            started=started,
            ended=self.now,
            **facts,
        )

    def polls(self, status: int | None = 304, headers: str = "", **facts: Any) -> Exchange:
        """The agent asks for the manifest."""
        return self.asks("GET /api/v1/deployments", status, headers, **facts)

    def retrieves(self, publication: Publication, *, bundle: bool = False, **facts: Any) -> None:
        """The agent gets a manifest and all that it names, alone or as a bundle."""
        manifest = self._blobs[publication.manifest.blob]
        self.polls(200, f"ETag: {publication.etag}\r\n", content=manifest, client=publication.client, **facts)
        if bundle and publication.bundle:
            content = self._blobs[publication.bundle.blob]
            path = f"GET /api/v1/bundles/{json.loads(manifest)['bundle']['digest']}"
            self.asks(path, content=content, client=publication.client)
            return
        for name, document in publication.documents.items():
            content = self._blobs[document.body.blob]
            path = f"GET /api/v1/deployments/{name}/{document.digest}"
            self.asks(path, content=content, client=publication.client)

    def announces(self, document: Any = None, status: int | None = 201, **facts: Any) -> Exchange:
        """The agent announces its device."""
        return self.asks(f"PUT /api/v1/capabilities/{DEVICE}", status, sent=document or CAPABILITIES, **facts)

    def reports(
        self, wanted: Wanted, state: str, version: int | None = None, status: int | None = 200, **facts: Any
    ) -> Exchange:
        """The agent reports the state of a deployment, the same for all its components."""
        error, components = facts.pop("error", None), facts.pop("components", None)
        parts = wanted.application["deploymentProfiles"][0]["components"]
        value = {
            "deploymentId": wanted.deployment_id,
            "adoptedManifestVersion": max(1, self.version) if version is None else version,
            "status": {"state": state, **({"error": error} if error else {})},
            "components": [{"name": p["name"], "state": state} for p in parts] if components is None else components,
            **facts.pop("more", {}),
        }
        return self.asks(f"POST /api/v1/deployments/{wanted.deployment_id}/status", status, sent=value, **facts)

    def adopts(self, *wanted: Wanted, running: Sequence[Wanted] | None = None, **facts: Any) -> Publication:
        """Something is published and adopted, and seen to run."""
        publication = self.publish(*wanted, **facts)
        self.retrieves(publication)
        possible = [w for w in wanted if not w.hopeless]
        for one in possible:
            self.reports(one, "installing")
            self.reports(one, "installed")
        self.look(*(possible if running is None else running))
        self.polls()
        self.deadline("adopted", publication)
        self.look(*(possible if running is None else running))
        return publication

    def connects(
        self, flaw: str | None, outcome: str = "established", name: str = "", peer: bytes = b"", **facts: Any
    ) -> Connection:
        """The agent dials, and may show a certificate in DER."""
        credential = Credential(name=name or flaw or "good", flaw=flaw if flaw != "decoy" else None)
        facts |= {"peer": [self._body(peer)]} if peer else {}
        return self._event(  # type: ignore[no-any-return]
            Connection, connection=f"c{len(self.events)}", by="target", credential=credential, outcome=outcome, **facts
        )

    def closes(self, connection: Connection, received: int) -> None:
        """A connection ends after so many bytes of requests."""
        self._event(Closed, connection=connection.connection, sent=0, received=received)

    def breaks(self, exchange: Exchange) -> None:
        """The connection of an exchange is reset, and nobody knows whether the answer has arrived."""
        reason = "ConnectionResetError: [Errno 104] Connection reset by peer"
        self._event(Closed, connection=exchange.connection, sent=1, received=1, reason=reason)

    # and what judges say

    @property
    def history(self) -> History:
        """The story so far."""
        return History(self.events, self._blobs)

    def judged(self, requirement: str) -> list[Judgement]:
        """What the judge of a requirement says."""
        return list(REGISTER[requirement](self.history))

    def verdicts(self, requirement: str) -> set[bool]:
        """Whether the rule was kept, on any occasion and on any other one."""
        return {judgement.kept for judgement in self.judged(requirement)}


Tales = partial(tales.Tales, Story)
"""Stories that are told by one."""
