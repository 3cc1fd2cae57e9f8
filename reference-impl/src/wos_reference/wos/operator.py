"""The operator's side: the test-control contract (openapi/test-control.yaml) on a listener of its own, with a token."""

import os
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DataError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from wos_reference.wos import enrolment, identity, trust_bundle
from wos_reference.wos.application import WrongApplication, check
from wos_reference.wos.artifact import Deployment, profile_of
from wos_reference.wos.body import body_of, json_of
from wos_reference.wos.fleet import LARGEST_VERSION, Conflict, Fleet
from wos_reference.wos.interface import Interface
from wos_reference.wos.placement import NotPlaceable, advice
from wos_reference.wos.request import OtherRequest, answered, digest_of, remember
from wos_reference.wos.trust import Trust
from wos_reference.wos.verb import Admit, Assign, Client, Fault, RotateTrust, SetVersion, Update, Withdraw

BODY_AT_MOST = 16 << 20

Arguments = dict[str, Any]
Answer = dict[str, Any]


class WrongRequest(ValueError):
    """The request itself is wrong."""


class Operator:
    """Carries out verbs; each is one transaction, and is carried out once for one `requestId`."""

    def __init__(self, fleet: Fleet, interface: Interface, trust: Trust, enrols: bool) -> None:
        self.fleet = fleet
        self.interface = interface
        self._trust = trust
        self._enrols = enrols
        self._restarting = False

    async def answer(self, request: Request) -> JSONResponse:
        """Answer one request."""
        verb = request.path_params["verb"]
        if (verb not in VERBS and verb != "restart") or (verb == "approve" and not self._enrols):
            return _error(501, f"this WOS does not offer {verb!r}")
        try:
            arguments = json_of(await body_of(request, BODY_AT_MOST))
            if not isinstance(arguments, dict):
                raise WrongRequest("expected a JSON object")
            return await run_in_threadpool(self.carry_out, verb, arguments)
        except (ValueError, WrongApplication, DataError) as error:
            return _error(400, f"{type(error).__name__}: {error}")
        except (Conflict, NotPlaceable, OtherRequest) as error:
            return _error(409, str(error))

    def carry_out(self, verb: str, arguments: Arguments) -> JSONResponse:
        """Carry out a verb, or answer again what it was answered before."""
        request_id = arguments.pop("requestId", None)
        if request_id is not None and not isinstance(request_id, str):
            raise WrongRequest("requestId is not a text")
        if verb == "restart" and self._restarting:
            return JSONResponse({}, 202)
        digest = digest_of(verb, arguments)
        with self.fleet.change() as connection:
            if request_id and (known := answered(connection, request_id, digest)) is not None:
                return JSONResponse(known)
            result = self._result(connection, verb, arguments)
            if request_id and verb != "view":
                remember(connection, request_id, digest, result)
        if verb in _ABOUT_CERTIFICATES:
            self._trust.renew()
        if verb == "restart":
            self._restarting = True
            return JSONResponse({}, 202, background=BackgroundTask(begin_again))
        return JSONResponse(result)

    def _result(self, connection: Connection, verb: str, arguments: Arguments) -> Answer:
        if verb == "restart":
            return {}
        kind, carry_out = VERBS[verb]
        return carry_out(self, connection, msgspec.convert(arguments, kind))

    def admit(self, connection: Connection, wanted: Admit) -> Answer:
        """Accept a client; with an identity service it enrols with its factory certificate, or with a code."""
        identity.check_path(wanted.spiffe_id, self.interface.own_id)
        self.fleet.admit(connection, wanted.spiffe_id)
        if not self._enrols:
            return {}
        if wanted.factory_certificate_pem is not None:
            enrolment.keep_certificate(connection, wanted.spiffe_id, wanted.factory_certificate_pem, wanted.approval)
            return {}
        return {"enrolmentCode": enrolment.new_code(connection, wanted.spiffe_id, wanted.approval)}

    def approve(self, connection: Connection, wanted: Client) -> Answer:
        """Approve an enrolment that waits."""
        enrolment.approve(connection, wanted.spiffe_id)
        return {}

    def rotate_trust(self, connection: Connection, wanted: RotateTrust) -> Answer:
        """Put other roots in force."""
        trust_bundle.replace(connection, wanted.trust_bundle_pem)
        return {}

    def retire(self, connection: Connection, wanted: Client) -> Answer:
        """Accept a client no longer, and none of its codes."""
        self.fleet.retire(connection, wanted.spiffe_id)
        return {}

    def assign(self, connection: Connection, wanted: Assign) -> Answer:
        """Assign a profile of an application; `advice` says why the device will probably refuse it."""
        check(wanted.application)
        deployment = Deployment("", wanted.device_id, wanted.application, wanted.profile_id, wanted.parameters)
        deployment_id = self.fleet.assign(connection, wanted.spiffe_id, deployment)
        if not wanted.device_id:
            return {"deploymentId": deployment_id}
        reason = advice(connection, wanted.spiffe_id, wanted.device_id, profile_of(deployment))
        return {"deploymentId": deployment_id, **({"advice": reason} if reason else {})}

    def update(self, connection: Connection, wanted: Update) -> Answer:
        """Change an assignment."""
        changes = {
            name: value
            for name in ("application", "profile_id", "parameters")
            if (value := getattr(wanted, name)) is not None
        }
        if wanted.application is not None:
            check(wanted.application)
        self.fleet.change_deployment(connection, wanted.deployment_id, changes)
        return {"deploymentId": wanted.deployment_id}

    def withdraw(self, connection: Connection, wanted: Withdraw) -> Answer:
        """Withdraw a deployment."""
        self.fleet.withdraw(connection, wanted.deployment_id)
        return {}

    def view(self, connection: Connection, wanted: Client) -> Answer:
        """What the operator sees of a client."""
        return self.fleet.view(wanted.spiffe_id)

    def set_version(self, connection: Connection, wanted: SetVersion) -> Answer:
        """Raise the versions of a client."""
        if wanted.version > LARGEST_VERSION:
            raise WrongRequest("the version is no version")
        self.fleet.set_floor(connection, wanted.spiffe_id, wanted.version)
        return {}

    def fault(self, connection: Connection, wanted: Fault) -> Answer:
        """Refuse the next requests of a client for the manifest, here and not in other replicas."""
        self.interface.faults.setdefault(wanted.spiffe_id, []).extend([wanted.status] * wanted.count)
        return {}


VERBS: dict[str, tuple[type, Callable[..., Answer]]] = {
    "admit": (Admit, Operator.admit),
    "retire": (Client, Operator.retire),
    "assign": (Assign, Operator.assign),
    "update": (Update, Operator.update),
    "withdraw": (Withdraw, Operator.withdraw),
    "view": (Client, Operator.view),
    "set_version": (SetVersion, Operator.set_version),
    "fault": (Fault, Operator.fault),
    "rotate_trust": (RotateTrust, Operator.rotate_trust),
    "approve": (Client, Operator.approve),
}
"""Each verb with the kind of its body."""


_ABOUT_CERTIFICATES = ("admit", "retire", "rotate_trust")


def begin_again() -> None:
    """Replace this process by a new one of itself, without a clean end: what was not stored is lost."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
