"""The operator's side: the test-control contract (openapi/test-control.yaml) on a listener of its own, with a token."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from wos_reference.wos.application import WrongApplication, check
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.body import body_of
from wos_reference.wos.fleet import Conflict, Fleet
from wos_reference.wos.interface import Interface
from wos_reference.wos.placement import NotPlaceable

BODY_AT_MOST = 16 << 20

Arguments = dict[str, Any]
Verb = Callable[["Operator", Connection, Arguments], dict[str, Any]]


class WrongRequest(Exception):
    """The request itself is wrong."""


class Operator:
    """Carries out verbs; each is one transaction, and is carried out once for one `requestId`."""

    def __init__(self, fleet: Fleet, interface: Interface) -> None:
        self.fleet = fleet
        self.interface = interface
        self._restarting = False

    async def answer(self, request: Request) -> JSONResponse:
        """Answer one request."""
        verb = request.path_params["verb"]
        if verb not in VERBS and verb != "restart":
            return _error(501, f"this WOS does not offer {verb!r}")
        try:
            arguments = json.loads(await body_of(request, BODY_AT_MOST))
            if not isinstance(arguments, dict):
                raise WrongRequest("expected a JSON object")
            return await run_in_threadpool(self.carry_out, verb, arguments)
        except (ValueError, WrongRequest, WrongApplication, KeyError, TypeError) as error:
            return _error(400, f"{type(error).__name__}: {error}")
        except (Conflict, NotPlaceable) as error:
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
        """Assign a profile of an application; without `deviceId`, to the first device that fits."""
        application, parameters = arguments["application"], arguments.get("parameters", {})
        check(application)
        _check_parameters(application, parameters)
        deployment = Deployment("", arguments.get("deviceId", ""), application, arguments["profileId"], parameters)
        return {"deploymentId": self.fleet.assign(connection, arguments["spiffeId"], deployment)}

    def update(self, connection: Connection, arguments: Arguments) -> dict[str, Any]:
        """Change an assignment."""
        deployment_id = arguments.pop("deploymentId")
        if "application" in arguments:
            check(arguments["application"])
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


def _check_parameters(application: dict[str, Any], parameters: dict[str, Any]) -> None:
    if unknown := set(parameters) - set(application.get("parameters", {})):
        raise WrongRequest(f"the application has no parameters {sorted(unknown)}")


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)
