"""How an agent comes to life and ends: started with all that it is given, stopped, cut off, released."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from wos_conformance.control import ControlFailed
from wos_conformance.drive import sample
from wos_conformance.drive.identity_double import IdentityDouble
from wos_conformance.drive.trust_domain import Svid
from wos_conformance.suite.agent.presence import Presence
from wos_conformance.suite.scene import Blocked

if TYPE_CHECKING:
    from wos_conformance.suite.agent.stage import Stage


def _windows(offsets: Sequence[tuple[int, int]]) -> list[dict[str, str]]:
    now = datetime.now(UTC)
    times = [(now + timedelta(seconds=begin), now + timedelta(seconds=end)) for begin, end in offsets]
    return [{"from": f"{begin:%H:%M:%S}", "to": f"{end:%H:%M:%S}"} for begin, end in times]


class Powered(Presence):
    """One agent with its identity, its storage and what its device offers."""

    def __init__(self, stage: "Stage", svid: Svid, types: Sequence[str]) -> None:
        super().__init__(stage, svid)
        self.device_id = sample.word(stage.random)
        self.capabilities = sample.capabilities(stage.random, self.device_id)
        self.capabilities["properties"]["supportedDeploymentTypes"] = list(types)
        self.children: list[dict[str, Any]] = []
        self.service: IdentityDouble | None = None
        self.trust_domain = stage.trust_domain
        """The one whose root it trusts."""
        self.follows = False
        """Whether it gets its trust bundle from the identity service, and not its SVID."""
        self._runs = False

    def start(self, *, bundle: bytes | None = None, windows: Sequence[tuple[int, int]] = ()) -> Self:
        """Start the agent; it finds the double as its WOS and trusts the roots of a bundle in PEM.

        `windows` are the seconds from now between which it may call; without any it may call always.
        """
        declared = self.stage.declared
        self.stage.control(
            "start",
            wosUrl=self.stage.url,
            **self._identity(bundle or self.trust_domain.bundle_pem),
            state=self.state,
            pollIntervalSeconds=declared("poll_interval"),
            requestTimeoutSeconds=declared("request_timeout"),
            maxBackoffSeconds=declared("max_backoff"),
            capabilities=self.capabilities,
            **({"children": self.children} if self.children else {}),
            **({"pollWindows": _windows(windows)} if windows else {}),
            **self._registry(),
        )
        self._runs = True
        return self

    def _identity(self, bundle: bytes) -> dict[str, Any]:
        """What the agent is given of identity and trust; what is missing it gets from the identity service."""
        own = {"svidPem": self.svid.chain_pem.decode("ascii"), "keyPem": self.svid.key_pem.decode("ascii")}
        roots = {"trustBundlePem": bundle.decode("ascii")}
        if self.service is None:
            return own | roots
        policy, anchors = self.service.policy, self.service.anchors_pem.decode("ascii")
        service = {"url": self.service.url, "anchorsPem": anchors, "spiffeId": policy.spiffe_id}
        if self.follows:
            return own | {"identityService": service}
        return roots | {"identityService": service | {"enrolmentCode": policy.code}}

    def _registry(self) -> dict[str, Any]:
        """How the agent recognises the registry of the scenario, if it has one."""
        registry = self.stage.registry
        return {"registryAnchorsPem": registry.anchors_pem.decode("ascii")} if registry else {}

    def unlisted_type(self) -> str:
        """A type of deployments that the device does not offer.

        Raises:
            Blocked: it offers all.
        """
        listed = self.capabilities["properties"]["supportedDeploymentTypes"]
        for kind in ("helm", "compose", "custom"):
            if kind not in listed:
                return kind
        raise Blocked("the device offers every type of deployments")

    def stop(self) -> None:
        """Stop the agent in an orderly way."""
        self._end("stop")

    def cut(self) -> None:
        """End the agent as a power cut would."""
        self._end("cut")

    def _end(self, verb: str) -> None:
        """End the agent, and let what it had sent be read before it can be started again."""
        self._runs = False
        self.stage.control(verb)
        self.stage.double.wait(lambda: self.stage.double.is_deserted, self.bound())

    def release(self) -> None:
        """Release the device from its WOS, as its owner does."""
        self.stage.control("release", state=self.state)
        self._runs = False

    def changes_its_offer(self) -> None:
        """Let the device offer another share of its memory, and wait until the agent has said so."""
        share = {**self.capabilities["properties"], "memory": f"{self.stage.random.randrange(600, 900)}Mi"}
        before = len(self.asked("capabilities"))
        self.stage.control("set_capabilities", capabilities={**self.capabilities, "properties": share})
        self.until(lambda: len(self.asked("capabilities")) > before, self.bound("request_timeout"))

    def loses_a_child(self) -> None:
        """Let the last child be gone, and wait until the agent has withdrawn it."""
        self.children = self.children[:-1]
        before = len(self.asked("withdrawal"))
        self.stage.control("set_capabilities", capabilities=self.capabilities, children=self.children)
        self.until(lambda: len(self.asked("withdrawal")) > before, self.bound("request_timeout"))

    def leave(self) -> None:
        """Stop the agent if it runs, and remove its storage."""
        if self._runs:
            with suppress(ControlFailed):
                self.stop()
        with suppress(ControlFailed):
            self.stage.control("wipe", state=self.state)
