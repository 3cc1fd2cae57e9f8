"""The operator's side: the test-control contract (openapi/test-control.yaml) on a listener of its own, with a token."""

import hmac
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from wos_reference.wos import schema
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import Conflict, Fleet
from wos_reference.wos.interface import Interface

Arguments = dict[str, Any]
Verb = Callable[["Operator", Connection, Arguments], dict[str, Any]]


class WrongRequest(Exception):
    """The request itself is wrong."""


class Operator:
    """Carries out verbs; each is one transaction, and is carried out once for one `requestId`."""

    def __init__(self, fleet: Fleet, interface: Interface, token: str) -> None:
        self.fleet = fleet
        self.interface = interface
        self._token = token
        self._restarting = False

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/control/v1/{verb}", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> JSONResponse:
        """Answer one request."""
        if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
            return _error(401, "the token is missing or wrong")
        verb = request.path_params["verb"]
        if verb not in VERBS and verb != "restart":
            return _error(501, f"this WOS does not offer {verb!r}")
        try:
            arguments = json.loads(await request.body())
            if not isinstance(arguments, dict):
                raise WrongRequest("expected a JSON object")
            return await run_in_threadpool(self.carry_out, verb, arguments)
        except (ValueError, WrongRequest, KeyError) as error:
            return _error(400, f"{type(error).__name__}: {error}")
        except Conflict as error:
            return _error(409, str(error))

    def carry_out(self, verb: str, arguments: Arguments) -> JSONResponse:
        """Carry out a verb, or answer again what it was answered before."""
        request_id = arguments.pop("requestId", None)
        if verb == "restart" and self._restarting:
            return JSONResponse({}, 202)
        with self.fleet.change() as connection:
            if request_id and (known := self.fleet.answered(connection, request_id)) is not None:
                return JSONResponse(known)
            result = VERBS[verb](self, connection, arguments) if verb in VERBS else {}
            if request_id and verb != "view":
                self.fleet.remember(connection, request_id, result)
        if verb == "restart":
            self._restarting = True
            return JSONResponse({}, 202, background=BackgroundTask(begin_again))
        return JSONResponse(result)

    def admit(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Accept a client."""
        self.fleet.admit(connection, arguments["spiffeId"])
        return {}

    def retire(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Accept a client no longer."""
        self.fleet.retire(connection, arguments["spiffeId"])
        return {}

    def assign(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Assign a profile of an application."""
        application, parameters = _application(arguments), arguments.get("parameters", {})
        _check_parameters(application, parameters)
        deployment = Deployment("", arguments["deviceId"], application, arguments["profileId"], parameters)
        return {"deploymentId": self.fleet.assign(connection, arguments["spiffeId"], deployment)}

    def update(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Change an assignment."""
        deployment_id = arguments.pop("deploymentId")
        if "application" in arguments:
            _application(arguments)
        names = {"application": "application", "profileId": "profile_id", "parameters": "parameters"}
        changes = {names[name]: value for name, value in arguments.items()}
        self.fleet.change_deployment(connection, deployment_id, changes)
        return {"deploymentId": deployment_id}

    def withdraw(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Withdraw a deployment."""
        self.fleet.withdraw(connection, arguments["deploymentId"])
        return {}

    def view(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """What the operator sees of a client."""
        return self.fleet.view(arguments["spiffeId"])

    def set_version(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Raise the versions of a client."""
        self.fleet.set_floor(connection, arguments["spiffeId"], arguments["version"])
        return {}

    def fault(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Refuse the next requests of a client for the manifest."""
        pending = [arguments["status"]] * arguments.get("count", 1)
        self.interface.faults.setdefault(arguments["spiffeId"], []).extend(pending)
        return {}


VERBS: dict[str, Verb] = {
    "admit": Operator.admit,
    "retire": Operator.retire,
    "assign": Operator.assign,
    "update": Operator.update,
    "withdraw": Operator.withdraw,
    "view": Operator.view,
    "set_version": Operator.set_version,
    "fault": Operator.fault,
}


def begin_again() -> None:
    """Replace this process by a new one of itself, without a clean end: what was not stored is lost."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _application(arguments: Arguments) -> dict[str, Any]:
    application: dict[str, Any] = arguments["application"]
    if found := schema.faults("application-description", application):
        raise WrongRequest(f"the application description is not valid: {found[0]}")
    return application


def _check_parameters(application: dict[str, Any], parameters: dict[str, Any]) -> None:
    if unknown := set(parameters) - set(application.get("parameters", {})):
        raise WrongRequest(f"the application has no parameters {sorted(unknown)}")


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
