"""A scripted WOS that faces an agent over real mutual TLS: right by default, wrong on command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from wos_conformance.drive import answer as answers
from wos_conformance.drive.answer import Answer, Client, Request
from wos_conformance.drive.listener import LOOPBACK, Listener
from wos_conformance.drive.publication import Offer
from wos_conformance.drive.tls import server_context
from wos_conformance.drive.trust_domain import Svid, TrustDomain
from wos_conformance.history import Credential, Document, Fault, Publication, Recorder

_KINDS = {"document": "artifact", "bundle": "artifact"}


@dataclass
class Script:
    """A scripted answer for requests of an operation, of an `artifact` (document or bundle), or of `any`.

    `after` so many right answers it is given `left` times; None means until it is taken back.
    """

    name: str
    operation: str
    act: Callable[[Answer], Answer]
    left: int | None = None
    after: int = 0

    def takes(self, operation: str | None) -> bool:
        """Whether the next answer of this operation is scripted; called once for each request."""
        if self.operation not in (operation, _KINDS.get(operation or ""), "any") or self.left == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.left = None if self.left is None else self.left - 1
        return True


class Double(Listener):
    """A WOS that does what it is told."""

    def __init__(self, recorder: Recorder, trust_domain: TrustDomain, address: tuple[str, int] = LOOPBACK) -> None:
        self.clients: dict[str, Client] = {}
        self._trusted = trust_domain.bundle_pem
        self._scripts: list[Script] = []
        svid = trust_domain.wos()
        super().__init__(recorder, (svid.credential, server_context(svid, self._trusted)), address)

    def present(self, svid: Svid, old: str | None = None) -> None:
        """Show this certificate from the next connection on, in TLS 1.3 or as `old` says; open ones are closed."""
        credential = Credential(name=old, spiffe_id=svid.spiffe_id, flaw=old) if old else svid.credential
        self.show(credential, server_context(svid, self._trusted, old))

    def trust(self, *bundles: bytes) -> None:
        """Let agents show certificates below these roots, in PEM, from the next certificate on that is presented."""
        self._trusted = b"".join(bundles)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Listen no longer, and again at the same place afterwards."""
        with self.fault("away", "connection"), self.not_listening():
            yield

    def client(self, spiffe_id: str) -> Client:
        """What is known of an agent."""
        with self.changed:
            return self.clients.setdefault(spiffe_id, Client())

    def publish(
        self, spiffe_id: str, offer: Offer, defect: str | None, note: str, hopeless: dict[str, str] | None = None
    ) -> Publication:
        """Serve this to the agent from now on."""
        store = self.recorder.store
        with self.changed:
            client = self.client(spiffe_id)
            client.offer = offer
            client.artifacts |= offer.artifacts
            client.unreachable = defect == "unreachable"
            return self.recorder.record(
                Publication,
                client=spiffe_id,
                version=offer.version,
                etag=offer.etag,
                manifest=store(offer.manifest),
                bundle=store(offer.bundle) if offer.bundle else None,
                documents={n: Document(digest=d, body=store(body)) for n, (d, body) in offer.documents.items()},
                defect=defect,
                note=note,
                hopeless=hopeless or {},
            )

    @contextmanager
    def scripted(self, script: Script) -> Iterator[None]:
        """Answer as the script says for as long as the context lasts."""
        detail = {} if script.left is None else {"count": script.left}
        with self.fault(script.name, script.operation, detail):
            with self.changed:
                self._scripts.append(script)
            try:
                yield
            finally:
                with self.changed:
                    self._scripts.remove(script)

    @contextmanager
    def fault(self, name: str, subject: str, detail: dict[str, int] | None = None) -> Iterator[None]:
        """Write down that something is wrong on purpose for as long as the context lasts."""
        facts: dict[str, Any] = {"name": name, "subject": subject, "detail": detail or {}}
        self.recorder.record(Fault, phase="begin", **facts)
        try:
            yield
        finally:
            self.recorder.record(Fault, phase="end", **facts)

    def answer(self, request: Request) -> Answer:
        """The right answer, or the one that a script makes of it."""
        with self.changed:
            right = answers.right(request, self.client(request.client))
            for script in self._scripts:
                if script.takes(right.operation):
                    return replace(script.act(right), name=script.name)
            answers.take(request, right, self.client(request.client))
            return right
