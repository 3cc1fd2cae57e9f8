"""Requests that Schemathesis generates, sent by one client: each by itself, or made of the answer to another."""

import sys
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from schemathesis import Case
from schemathesis.generation.stateful.state_machine import StepOutput

from wos_conformance.drive import sample
from wos_conformance.drive.client import Answer
from wos_conformance.drive.generated import GeneratedRequest, plain
from wos_conformance.drive.linked import Draft, bare, drafts
from wos_conformance.drive.remark import remarks, response_of
from wos_conformance.history import Remark
from wos_conformance.specification import Specification
from wos_conformance.suite.wos.client import Client, Deployment
from wos_conformance.suite.wos.stage import Stage

DOCUMENT = Specification.load().folder / "openapi" / "wos.yaml"
_TOLD_AT_MOST = 300


class Traffic:
    """Generated requests of one client; what Schemathesis has to say about the answers is written down once."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self.stage = stage
        self.client = client
        self._known: set[tuple[str, str]] = set()

    def send(self, request: GeneratedRequest) -> Answer:
        """Send a request and let Schemathesis look at what was answered."""
        answer = self.client.visitor.request(request.method, request.target, request.headers, request.body)
        if answer.status is not None:
            self._remark(request, answer)
        return answer

    def send_alone(self, request: GeneratedRequest) -> None:
        """Send a request, and withdraw the device that it has announced."""
        self.send(request)
        if request.method == "PUT":
            self.withdraw(request.target)

    def withdraw(self, target: str) -> None:
        """Withdraw the device of this path."""
        self.client.send("DELETE", target, b"")

    def _remark(self, request: GeneratedRequest, answer: Answer) -> None:
        operation = request.case.operation.label
        for fault, told in remarks(request, response_of(request, answer)):
            if (operation, fault) not in self._known:
                self._known.add((operation, fault))
                facts = {"operation": operation, "fault": fault, "told": told[:_TOLD_AT_MOST]}
                self.stage.recorder.record(Remark, by="Schemathesis", subject=answer.seq, **facts)


class Walk(RuleBasedStateMachine):
    """Each request is made of an earlier answer if a link leads from one; devices are withdrawn at the end."""

    traffic: ClassVar[Traffic]
    assigned: ClassVar[int] = 0
    """How many deployments a client of its own has in each program; without one all share a client."""

    def __init__(self) -> None:
        super().__init__()
        self.example = self.traffic.stage.example()
        self.example.__enter__()
        self.deployments: list[Deployment] = []
        self.answered: list[StepOutput] = []
        self.announced: set[str] = set()

    def teardown(self) -> None:
        """End the example."""
        for target in sorted(self.announced):
            self.traffic.withdraw(target)
        self.example.__exit__(*sys.exc_info())

    @initialize()
    def begin_with_manifest(self) -> None:
        """The client is given its deployments and asks for its manifest, from which most links lead."""
        stage = self.traffic.stage
        if self.assigned:
            self.traffic.client = stage.client()
        for _ in range(self.assigned):
            application = sample.application(stage.random, components=2)
            self.deployments.append(stage.assign(self.traffic.client, application))
        self._send(bare(DOCUMENT, "getManifest").case)

    @rule(draft=drafts(DOCUMENT), choice=st.integers(0, 9))
    def ask(self, draft: Draft, choice: int) -> None:
        """Ask for something."""
        case = draft.fed(DOCUMENT, self.answered, choice)
        if isinstance(case.body, dict):
            self._name(case.path_parameters, case.body)
        self._send(case)

    def _send(self, case: Case[Any]) -> None:
        request = plain(case)
        answer = self.traffic.send(request)
        if request.method == "PUT":
            self.announced.add(request.target)
        if answer.status is not None:
            self.answered.append(StepOutput(response_of(request, answer), case))

    def _name(self, path: dict[str, Any], body: dict[str, Any]) -> None:
        """Give a body what no schema knows: the name in its path, and those of the components of its deployment."""
        if "deviceId" in path and isinstance(body.get("properties"), dict):
            body["properties"]["id"] = path["deviceId"]
        for deployment in self.deployments:
            if deployment.id == path.get("deploymentId"):
                del body["components"][len(deployment.components) :]
                for part, name in zip(body["components"], deployment.components, strict=False):
                    part["name"] = name
                body["deploymentId"] = deployment.id
