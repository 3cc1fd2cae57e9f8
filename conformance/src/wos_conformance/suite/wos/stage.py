"""The words in which scenarios for a WOS speak: clients, deployments, manifests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wos_conformance.control import ControlFailed, ControlRefused
from wos_conformance.drive import sample
from wos_conformance.drive.client import Answer, Visitor
from wos_conformance.drive.decoy import NAME as DECOY
from wos_conformance.drive.decoy import Decoy
from wos_conformance.drive.enrolment import Applicant
from wos_conformance.drive.relay import place_of
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import Deadline, Fault
from wos_conformance.suite.scene import Blocked, Run, Scene
from wos_conformance.suite.wos.client import Client, Deployment, Manifest

_PAUSE = 0.25
_PATIENCE = 30.0
_OLD = 2.5


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

    def offer(self, name: str) -> None:
        """A peer with a good certificate that makes another offer of TLS (`OFFERS` of `drive.tls`)."""
        self.stage.visitor(self.positive.visitor.svid).attempt(name)


class Stage(Scene):
    """A scenario for a WOS. At level 1 each has identities of its own; at level 0 they come from a fixed pool."""

    def __init__(self, run: Run, name: str, trust_domain: TrustDomain) -> None:
        super().__init__(run, name)
        self.trust_domain = trust_domain
        self._visitors: list[Visitor] = []
        self._applicants: list[Applicant] = []
        self._admitted: set[str] = set()
        self._codes = 0
        self._waiting = threading.Event()

    def close(self) -> None:
        """End all connections of the scenario."""
        for visitor in self._visitors:
            visitor.close()
        for applicant in self._applicants:
            applicant.close()
        self.path.close()

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """As for every scene; who was admitted is remembered."""
        answer = super().control(verb, **arguments)
        if verb in {"admit", "retire"}:
            change = self._admitted.add if verb == "admit" else self._admitted.discard
            change(arguments["spiffeId"])
        return answer

    def clean_up(self) -> None:
        """Leave nothing behind: with its clients, all that they announced and were assigned ends."""
        for spiffe_id in sorted(self._admitted):
            with suppress(ControlFailed):
                self.control("retire", spiffeId=spiffe_id)

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
        url = self.run.settings.url
        bundle_pem, timeout = self.trust_domain.installed_pem, self.run.settings.request_timeout
        visitor = Visitor(self.recorder, url, svid, bundle_pem, timeout, dial=self.path.to(place_of(url)))
        visitor.patience = _PATIENCE
        self._visitors.append(visitor)
        if svid is not None:
            self.run.shown[svid.credential] = svid
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
        with self.after(client.poll()):
            yield Twin(self, client)

    @contextmanager
    def after(self, positive: Answer) -> Iterator[None]:
        """What happens inside differs in one thing from what was answered here, and counts only if that was served."""
        with self.mark("attempt", self.name, twin=positive.seq):
            yield

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
        self,
        client: Client,
        application: dict[str, Any],
        parameters: dict[str, Any] | None = None,
        device_id: str | None = None,
        profile_id: str | None = None,
    ) -> Deployment:
        """Assign the first or the named profile of an application to the client's device or another one."""
        profiles = application["deploymentProfiles"]
        profile = next((known for known in profiles if known["id"] == profile_id), profiles[0])
        answer = self.control(
            "assign",
            spiffeId=client.spiffe_id,
            deviceId=device_id or client.device_id,
            application=deepcopy(application),
            profileId=profile["id"],
            parameters=parameters or {},
        )
        return Deployment(str(answer.get("deploymentId")), [part["name"] for part in profile["components"]])

    def update(self, deployment: Deployment, **changes: Any) -> None:
        """Change the application or the parameters of a deployment."""
        self.control("update", deploymentId=deployment.id, **deepcopy(changes))

    def withdraw(self, deployment: Deployment) -> None:
        """Take a deployment out of the desired state."""
        self.control("withdraw", deploymentId=deployment.id)

    def keep_still(self) -> None:
        """Let the client be silent for as long as the depth of the run says."""
        self._waiting.wait(self.run.settings.amounts.silence)

    def let_grow_old(self) -> None:
        """Let so much time pass that an age to the second differs from none at all, and from its own beginning."""
        self._waiting.wait(_OLD)

    def wait_for(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Ask again and again until something is so, at most for this time."""
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                return False
            self._waiting.wait(_PAUSE)
        return True

    @contextmanager
    def decoy(self) -> Iterator[str]:
        """The URL of a listener at which the WOS has no business."""
        decoy = Decoy(self.recorder)
        try:
            yield decoy.url
        finally:
            decoy.close()

    def watch_decoy(self, since: Answer) -> None:
        """Give the WOS time to dial what it was told in an exchange."""
        bound = self.run.settings.amounts.silence / 2
        self._waiting.wait(bound)
        self.recorder.record(Deadline, what=DECOY, bound=bound, subject=since.seq, met=False)

    def client_for_seconds(self, seconds: float) -> Svid:
        """The SVID of an admitted client that expires so soon."""
        svid = self.trust_domain.agent_for_seconds(sample.word(self.random), seconds)
        self.control("admit", spiffeId=svid.spiffe_id)
        return svid

    @contextmanager
    def trusting(self, bundle_pem: bytes) -> Iterator[None]:
        """The WOS has another trust bundle, and afterwards the first one again."""
        self.control("rotate_trust", trustBundlePem=bundle_pem.decode("ascii"))
        try:
            yield
        finally:
            self.control("rotate_trust", trustBundlePem=self.trust_domain.bundle_pem.decode("ascii"))

    def applicant(
        self, name: str = "nobody", spiffe_id: str | None = None, code: str | None = None, svid: Svid | None = None
    ) -> Applicant:
        """Somebody who visits the identity service; `name` says in the history what is shown.

        Raises:
            Blocked: the run does not know the identity service.
        """
        settings = self.run.settings
        if settings.identity_service is None or settings.identity_anchors is None:
            raise Blocked("needs --identity-service and --identity-anchors")
        url, anchors = settings.identity_service, Path(settings.identity_anchors)
        shown: dict[str, Any] = {"name": name, "spiffe_id": spiffe_id, "code": code, "svid": svid}
        applicant = Applicant(self.recorder, url, anchors, **shown, dial=self.path.to(place_of(url)))
        self._applicants.append(applicant)
        return applicant

    def with_code(self, **options: Any) -> Applicant:
        """Somebody who was given a one-time code for a new id.

        Raises:
            Blocked: the WOS gives out no code.
        """
        self.applicant()
        spiffe_id = f"{self.trust_domain.wos_spiffe_id}/client/{sample.word(self.random)}"
        code = self.control("admit", spiffeId=spiffe_id, **options).get("enrolmentCode")
        if not isinstance(code, str):
            raise Blocked("the verb `admit` has answered without an enrolmentCode")
        self._codes += 1
        return self.applicant(f"code {self.name} {self._codes}", spiffe_id, code)

    @contextmanager
    def fault(self, client: Client, status: int) -> Iterator[None]:
        """The WOS answers the client's next request for the manifest with this status."""
        self.control("fault", spiffeId=client.spiffe_id, status=status, count=1)
        detail: dict[str, str | int | float] = {"status": status, "client": client.spiffe_id}
        self.recorder.record(Fault, name="answer", phase="begin", subject="manifest", detail=detail)
        client.visitor.patience = 0.0
        try:
            yield
        finally:
            client.visitor.patience = _PATIENCE
            self.recorder.record(Fault, name="answer", phase="end", subject="manifest", detail=detail)
