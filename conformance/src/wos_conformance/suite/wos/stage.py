"""The words in which scenarios for a WOS speak: clients, deployments, manifests."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from wos_conformance.control import ControlRefused
from wos_conformance.drive import sample
from wos_conformance.drive.client import Answer, Visitor
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import Fault
from wos_conformance.suite.scene import Blocked, Run, Scene

_UNRESERVED = "/~"


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One deployment in a manifest."""

    deployment_id: str
    digest: str


class _BundleReference(msgspec.Struct, frozen=True):
    digest: str


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """As much of a served manifest as a scenario needs to go on."""

    manifest_version: int
    bundle: _BundleReference | None
    deployments: list[Entry]

    @property
    def version(self) -> int:
        """`manifestVersion`."""
        return self.manifest_version

    @property
    def bundle_digest(self) -> str | None:
        """The digest of the bundle, if there is one."""
        return self.bundle.digest if self.bundle else None


@dataclass(frozen=True)
class Deployment:
    """A deployment that the scenario has assigned."""

    id: str
    components: Sequence[str]


class Client:
    """One identity at the door of the WOS, with one device."""

    def __init__(self, visitor: Visitor, device_id: str) -> None:
        self.visitor = visitor
        self.device_id = device_id
        self.poll = visitor.poll
        self.document = visitor.document
        self.bundle = visitor.bundle
        self.new_connection = visitor.new_connection

    @property
    def spiffe_id(self) -> str:
        """The SPIFFE id of its certificate."""
        return self.visitor.svid.spiffe_id if self.visitor.svid and self.visitor.svid.spiffe_id else ""

    @property
    def client_id(self) -> str:
        """The last segment of its SPIFFE id."""
        return self.spiffe_id.rpartition("/")[2]

    def device_path(self, device_id: str | None = None) -> str:
        """The path of a device's record, its own by default."""
        return f"/api/v1/capabilities/{quote(device_id or self.device_id, safe=_UNRESERVED)}"

    def send(self, method: str, path: str, body: bytes) -> Answer:
        """Send these bytes as JSON, whatever they are."""
        return self.visitor.request(method, path, [("Content-Type", "application/json")] if body else [], body)

    def announce(self, document: dict[str, Any], device_id: str | None = None) -> Answer:
        """Announce capabilities under the path of a device, its own by default."""
        return self.send("PUT", self.device_path(device_id), _json_bytes(document))

    def forget(self, device_id: str) -> Answer:
        """Withdraw a device."""
        return self.send("DELETE", self.device_path(device_id), b"")

    def report(self, report: dict[str, Any], deployment_id: str | None = None) -> Answer:
        """Send a status report under the path of a deployment, the one it names by default."""
        path = f"/api/v1/deployments/{deployment_id or report['deploymentId']}/status"
        return self.send("POST", path, _json_bytes(report))

    def fetch_all(self, manifest: Manifest) -> None:
        """Fetch every document and the bundle that a manifest names."""
        for entry in manifest.deployments:
            self.document(entry.deployment_id, entry.digest)
        if manifest.bundle_digest:
            self.bundle(manifest.bundle_digest)


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@dataclass
class Twin:
    """The place of a negative beside its positive: what comes here differs from a served peer in one thing."""

    stage: "Stage"
    positive: Client

    def flawed(self, flaw: str) -> Client:
        """A peer whose certificate has this one flaw."""
        svid = self.stage.svid(flaw, self.positive.client_id)
        if svid.spiffe_id and flaw != "unlisted":
            self.stage.try_to_admit(svid.spiffe_id)
        return self.stage.enter(svid)

    def anonymous(self) -> Client:
        """A peer without a certificate."""
        return self.stage.enter(None)

    def old_tls(self) -> None:
        """A peer with a good certificate that offers nothing newer than TLS 1.1."""
        self.stage.visitor(self.positive.visitor.svid).attempt_old_tls()


class Stage(Scene):
    """A scenario for a WOS. At level 1 each has identities of its own; at level 0 they come from a fixed pool."""

    def __init__(self, run: Run, name: str, trust_domain: TrustDomain) -> None:
        super().__init__(run, name)
        self.trust_domain = trust_domain
        self._visitors: list[Visitor] = []

    @property
    def most_restarts(self) -> int:
        """How often one program may restart the WOS; a quick run leaves that to the scenarios that are about it."""
        return 0 if self.run.settings.depth == "quick" else 1

    def close(self) -> None:
        """End all connections of the scenario."""
        for visitor in self._visitors:
            visitor.close()

    def need(self, answer: Answer, *statuses: int) -> Answer:
        """Go on only with an answer that has one of these statuses.

        Raises:
            Blocked: it has another one, or there was none.
        """
        if answer.status not in statuses:
            received = answer.failure or f"status {answer.status}"
            raise Blocked(
                f"expected status {' or '.join(map(str, statuses))}, received {received} (event {answer.seq})"
            )
        return answer

    def svid(self, flaw: str | None, client_id: str | None = None) -> Svid:
        """An SVID with this flaw, or a good one; `unlisted` is a good one that nobody admits."""
        if self.run.control is None:
            return self.trust_domain.from_pool(flaw)
        return self.trust_domain.agent(None if flaw == "unlisted" else client_id, flaw)

    def try_to_admit(self, spiffe_id: str) -> None:
        """Let the policy accept a flawed peer, so that only its flaw can speak against it; a WOS may decline that."""
        if self.run.control is not None:
            with suppress(ControlRefused):
                self.control("admit", spiffeId=spiffe_id)

    def visitor(self, svid: Svid | None) -> Visitor:
        """Somebody who visits the WOS with this SVID."""
        assert self.run.settings.url is not None
        visitor = Visitor(self.recorder, self.run.settings.url, svid, self.trust_domain.bundle_pem)
        self._visitors.append(visitor)
        return visitor

    def enter(self, svid: Svid | None) -> Client:
        """A peer with this SVID and a device of its own."""
        return Client(self.visitor(svid), sample.word(self.random))

    def client(self, *, announce: bool = True) -> Client:
        """An accepted client, which has announced its device unless told otherwise."""
        client = self.enter(self.svid(None))
        if self.run.control is not None:
            self.control("admit", spiffeId=client.spiffe_id)
        if announce:
            self.need(client.announce(sample.capabilities(self.random, client.device_id)), 200, 201)
        return client

    @contextmanager
    def twin_of(self, client: Client) -> Iterator[Twin]:
        """The client is served once; what happens inside counts only if it was."""
        positive = client.poll()
        with self.mark("attempt", self.name, twin=positive.seq):
            yield Twin(self, client)

    def manifest(self, client: Client) -> Manifest:
        """The manifest that is served to the client now.

        Raises:
            Blocked: there is none that can be read.
        """
        answer = self.need(client.poll(), 200)
        try:
            return msgspec.json.decode(answer.body, type=Manifest)
        except msgspec.MsgspecError as error:
            raise Blocked(f"the manifest cannot be read: {error} (event {answer.seq})") from error

    def look(self, client: Client) -> None:
        """Let the WOS show what it keeps of the client; nothing at level 0."""
        if self.run.control is not None:
            self.control("view", spiffeId=client.spiffe_id)

    def retire(self, client: Client) -> None:
        """The WOS accepts the client no longer."""
        self.control("retire", spiffeId=client.spiffe_id)

    def restart(self) -> None:
        """The WOS ends without warning and starts again; connections are opened anew."""
        self.control("restart")
        for visitor in self._visitors:
            visitor.new_connection()

    def set_version(self, client: Client, floor: int) -> None:
        """The next manifest of the client has a version above this number."""
        self.control("set_version", spiffeId=client.spiffe_id, version=floor)

    def assign(
        self, client: Client, application: dict[str, Any], parameters: dict[str, Any] | None = None
    ) -> Deployment:
        """Assign the only profile of an application to the client's device."""
        profile = application["deploymentProfiles"][0]
        answer = self.control(
            "assign",
            spiffeId=client.spiffe_id,
            deviceId=client.device_id,
            application=application,
            profileId=profile["id"],
            parameters=parameters or {},
        )
        return Deployment(str(answer.get("deploymentId")), [part["name"] for part in profile["components"]])

    def update(self, deployment: Deployment, **changes: Any) -> None:
        """Change the application or the parameters of a deployment."""
        self.control("update", deploymentId=deployment.id, **changes)

    def withdraw(self, deployment: Deployment) -> None:
        """Take a deployment out of the desired state."""
        self.control("withdraw", deploymentId=deployment.id)

    @contextmanager
    def fault(self, client: Client, status: int) -> Iterator[None]:
        """The WOS answers the client's next request for the manifest with this status."""
        self.control("fault", spiffeId=client.spiffe_id, status=status, count=1)
        detail: dict[str, str | int | float] = {"status": status, "client": client.spiffe_id}
        self.recorder.record(Fault, name="answer", phase="begin", subject="manifest", detail=detail)
        try:
            yield
        finally:
            self.recorder.record(Fault, name="answer", phase="end", subject="manifest", detail=detail)
