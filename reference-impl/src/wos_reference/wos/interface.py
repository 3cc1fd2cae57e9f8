"""The interface toward agents: one function per operation of openapi/wos.yaml, and the door in front of them."""

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_etags

from wos_reference.wos import artifact, schema
from wos_reference.wos.body import json_body
from wos_reference.wos.coding import coded
from wos_reference.wos.device import GatewayUnknown
from wos_reference.wos.fleet import BUNDLE, Fleet
from wos_reference.wos.identity import IdentityError, caller
from wos_reference.wos.problem import Refusal, plain_problem, problem, transient_problem
from wos_reference.wos.relation import Retired
from wos_reference.wos.sighting import Sightings

FAULTS_AT_MOST = 20
IMMUTABLE = "private, max-age=31536000, immutable"

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Interface:
    """The ASGI application on the listener for agents.

    Paths are matched as they were sent, because a device id may have several segments and none may be resolved.
    """

    def __init__(self, fleet: Fleet, own_id: str) -> None:
        self.fleet = fleet
        self.own_id = own_id
        self.faults: dict[str, list[int]] = {}
        self._sightings = Sightings(fleet)
        self._turn = asyncio.Lock() if fleet.lookup.is_immediate else nullcontext()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            answer = await self.serve(request)
        except Refusal as refusal:
            answer = refusal.answer
        except Retired:
            answer = not_accepted()
        except ClientDisconnect:
            return
        except (OperationalError, NoConnectionFree):  # the database is away, or too busy
            logger.exception("the database did not answer")
            answer = transient_problem(503)
        except Exception:  # whatever it is, the caller gets a problem document and the operator a traceback
            logger.exception("%s %s was not served", request.method, request.scope["raw_path"])
            answer = transient_problem(500)
        await answer(scope, receive, send)

    async def serve(self, request: Request) -> Response:
        """Find the caller, then the operation, then let it answer."""
        client = request.scope["client_id"] = await self.look_up(self.authenticate, request)
        for pattern, methods in ROUTES:
            found = pattern.fullmatch(request.scope["raw_path"].decode("latin-1"))
            if found is None:
                continue
            operation = methods.get(request.method)
            if operation is None:
                raise Refusal(plain_problem(405, {"Allow": ", ".join(sorted(methods))}))
            request.scope["operation"] = operation
            answer: Response = await getattr(self, operation)(request, client, _parameters(found))
            return answer
        raise Refusal(plain_problem(404))

    async def look_up(self, read: Callable[..., T], *arguments: Any) -> T:
        """Read on the spot where that waits for nobody, otherwise in a thread."""
        if self.fleet.lookup.is_immediate:
            return read(*arguments)
        return await run_in_threadpool(read, *arguments)

    async def write(self, change: Callable[..., T], *arguments: Any) -> T:
        """Change something in a thread; with SQLite one after another, since it lets only one write anyway."""
        async with self._turn:
            return await run_in_threadpool(change, *arguments)

    def authenticate(self, request: Request) -> str:
        """The SPIFFE id of the caller.

        Raises:
            Refusal: it has none, or the policy does not accept it.
        """
        try:
            client = caller(request.scope["extensions"]["tls"]["client_cert"], self.own_id)
        except IdentityError as error:
            raise Refusal(problem("not-authorized", str(error))) from error
        if not self.fleet.accepts(client):
            raise Refusal(not_accepted())
        return client

    # capabilities

    async def announce(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """Keep the capabilities of a device."""
        device_id = named_device(parameters)
        document = checked("device-capabilities", await json_body(request))
        if document["properties"]["id"] != device_id:
            raise Refusal(mismatch("/properties/id", "is not the device id in the path"))
        try:
            created = await self.write(self.fleet.keep_device, client, device_id, document)
        except GatewayUnknown as error:
            raise Refusal(problem("gateway-not-found")) from error
        return Response(status_code=201 if created else 200)

    async def forget(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """Forget a device."""
        if not await self.write(self.fleet.forget_device, client, named_device(parameters)):
            raise Refusal(problem("device-not-found"))
        return Response(status_code=204)

    # desired state

    async def get_manifest(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """The current manifest of the caller."""
        if pending := self.faults.get(client):
            return transient_problem(pending.pop())
        if not accepts_manifest(request.headers.getlist("accept")):
            raise Refusal(problem("server-cannot-generate-response"))
        content = await self.look_up(self.fleet.manifest, client)
        self._sightings.note(client)
        return conditional(request, content, manifest_headers(content), artifact.MANIFEST_TYPE)

    async def get_document(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """A document of the caller."""
        content = await self.find(client, parameters["deploymentId"], parameters["digest"])
        if content is None or parameters["deploymentId"] == BUNDLE:
            raise Refusal(problem("deployment-not-found"))
        return conditional(request, content, artifact_headers(content), artifact.DOCUMENT_TYPE)

    async def get_bundle(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """A bundle of the caller."""
        content = await self.find(client, BUNDLE, parameters["digest"])
        if content is None:
            raise Refusal(problem("invalid-bundle"))
        return conditional(request, content, artifact_headers(content), artifact.BUNDLE_TYPE)

    async def find(self, client: str, name: str, digest: str) -> bytes | None:
        """What was published to this client under this name and digest."""
        return await self.look_up(self.fleet.artifact, client, name, digest)

    # status

    async def report(self, request: Request, client: str, parameters: dict[str, str]) -> Response:
        """Keep a status report; the body, the deployment, the ids and the components are looked at in this order."""
        report = checked("deployment-status", await json_body(request))
        deployment_id = parameters["deploymentId"]
        components = await self.look_up(self.fleet.components_of, client, deployment_id)
        if components is None:
            raise Refusal(problem("deployment-not-found"))
        if report["deploymentId"] != deployment_id:
            raise Refusal(mismatch("/deploymentId", "is not the deployment id in the path"))
        if unknown := unknown_components(report, components):
            raise Refusal(problem("semantic-error", "a component is unknown", unknown))
        first = await self.write(self.fleet.keep_status, client, deployment_id, report)
        if first is None:
            raise Refusal(problem("deployment-not-found"))
        return Response(status_code=201 if first else 200)


ROUTES: list[tuple[re.Pattern[str], dict[str, str]]] = [
    (re.compile(r"/api/v1/capabilities/(?P<deviceId>.+)"), {"PUT": "announce", "DELETE": "forget"}),
    (re.compile(r"/api/v1/deployments"), {"GET": "get_manifest"}),
    (re.compile(r"/api/v1/deployments/(?P<deploymentId>[^/]+)/status"), {"POST": "report"}),
    (re.compile(r"/api/v1/deployments/(?P<deploymentId>[^/]+)/(?P<digest>[^/]+)"), {"GET": "get_document"}),
    (re.compile(r"/api/v1/bundles/(?P<digest>[^/]+)"), {"GET": "get_bundle"}),
]
"""Pattern of the path, then the operation for each method."""


def _parameters(found: re.Match[str]) -> dict[str, str]:
    """Percent-decoded path parameters; what cannot be stored as a text becomes one that names nothing."""
    decoded = {name: unquote_to_bytes(value).decode("utf-8", "replace") for name, value in found.groupdict().items()}
    return {name: text.replace("\0", "\ufffd") for name, text in decoded.items()}


def not_accepted() -> Response:
    """The answer to a client that the policy does not accept."""
    return problem("not-authorized", "this client is not accepted")


def named_device(parameters: dict[str, str]) -> str:
    """The device id in a path.

    Raises:
        Refusal: it has an empty segment or one that HTTP would resolve, so that the path names no device.
    """
    device_id = parameters["deviceId"]
    if {"", ".", ".."} & set(device_id.split("/")):
        raise Refusal(plain_problem(404))
    return device_id


def unknown_components(report: Any, known: set[str]) -> list[dict[str, str]]:
    """The faults of a report that names components which the deployment never had."""
    named = enumerate(component["name"] for component in report["components"])
    faults = ((f"/components/{index}/name", name) for index, name in named if name not in known)
    return [{"field": field, "message": "is no component of this deployment"} for field, _ in faults][:FAULTS_AT_MOST]


def checked(name: str, value: Any) -> Any:
    """A value that is valid against a schema.

    Raises:
        Refusal: it is not.
    """
    if found := schema.faults(name, value):
        raise Refusal(problem("semantic-error", "the body is not valid", found))
    return value


def mismatch(field: str, message: str) -> Response:
    """The answer to a body that contradicts its path."""
    return problem("semantic-error", "body and path differ", [{"field": field, "message": message}])


def accepts_manifest(accept: list[str]) -> bool:
    """Whether `Accept` allows the manifest; without the header everything is allowed."""
    if not accept:
        return True
    return _quality(", ".join(accept)) > 0


@lru_cache(maxsize=256)
def _quality(accept: str) -> float:
    """How gladly the manifest is taken; agents send one and the same text again and again."""
    return float(parse_accept_header(accept, MIMEAccept).quality(artifact.MANIFEST_TYPE))


def etag_of(content: bytes) -> str:
    """The strong tag of a body."""
    return f'"{artifact.digest_of(content)}"'


def manifest_headers(content: bytes) -> dict[str, str]:
    """Tag and caching of a manifest."""
    return {"ETag": etag_of(content), "Cache-Control": "private"}


def artifact_headers(content: bytes) -> dict[str, str]:
    """Tag and caching of a document or bundle."""
    return {"ETag": etag_of(content), "Cache-Control": IMMUTABLE}


def conditional(request: Request, content: bytes, headers: dict[str, str], media_type: str) -> Response:
    """200 with the content, in a content coding that the caller takes, or 304 when the caller holds it."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    if matches(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    body, coding = coded(content, request.headers.getlist("accept-encoding"))
    return Response(body, headers={**headers, **coding, "Content-Type": media_type})


def matches(if_none_match: list[str], etag: str) -> bool:
    """Whether `If-None-Match` holds the tag, compared without regard to `W/` (RFC 9110, 13.1.2)."""
    if if_none_match == [etag]:  # what nearly every poll sends
        return True
    held = parse_etags(", ".join(if_none_match))
    return held.star_tag or (held.contains_weak(etag.strip('"')) and _quoted(if_none_match))


def _quoted(if_none_match: list[str]) -> bool:
    """Werkzeug also reads tags without quotes, which are no entity tags."""
    return all('"' in part for line in if_none_match for part in line.split(","))
