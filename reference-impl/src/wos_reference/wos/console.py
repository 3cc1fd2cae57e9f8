"""The operator's listener: verbs, applications, the page, figures and health."""

import time
from dataclasses import asdict
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from wos_reference.wos import application, metric, page
from wos_reference.wos.application import WrongApplication
from wos_reference.wos.body import body_of, json_of
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.metric import Metrics
from wos_reference.wos.operator import BODY_AT_MOST, Operator
from wos_reference.wos.overview import ClientLine, overview
from wos_reference.wos.token import TokenAsked


class Console:
    """What an operator sees, and where applications come in."""

    def __init__(self, fleet: Fleet, metrics: Metrics) -> None:
        self._fleet = fleet
        self._metrics = metrics

    def application(self, operator: Operator, token: str) -> ASGIApp:
        """The ASGI application."""
        routes = [
            Route("/", self.show_page),
            Route("/healthz", self.health),
            Route("/metrics", self.figures),
            Route("/operator/v1/overview", self.show_overview),
            Route("/operator/v1/applications", self.import_application, methods=["POST"]),
            Route("/operator/v1/applications/{id}", self.show_application),
            Route("/control/v1/{verb}", operator.answer, methods=["POST"]),
        ]
        listener = Starlette(routes=routes, exception_handlers={404: nothing_here, 405: nothing_here})
        listener.router.redirect_slashes = False
        return TokenAsked(listener, token)

    async def health(self, request: Request) -> Response:
        """Whether this process can serve."""
        try:
            await run_in_threadpool(self._reach_database)
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ok"})

    def _reach_database(self) -> None:
        with self._fleet.look() as connection:
            connection.execute(text("SELECT 1"))

    async def figures(self, request: Request) -> Response:
        """For Prometheus."""
        return Response(await run_in_threadpool(self._metrics.text), media_type=metric.MEDIA_TYPE)

    async def show_page(self, request: Request) -> Response:
        """For people."""
        clients = await run_in_threadpool(self._overview, request.query_params.get("after", ""))
        return Response(page.page(clients, int(time.time())), 200, page.HEADERS, page.MEDIA_TYPE)

    async def show_overview(self, request: Request) -> Response:
        """For the command, which asks for more after the last one that it got."""
        clients = await run_in_threadpool(self._overview, request.query_params.get("after", ""))
        return JSONResponse([asdict(client) for client in clients])

    def _overview(self, after: str) -> list[ClientLine]:
        with self._fleet.look() as connection:
            return overview(connection, after)

    async def import_application(self, request: Request) -> Response:
        """Keep an application description."""
        try:
            description = json_of(await body_of(request, BODY_AT_MOST))
            created = await run_in_threadpool(self._keep, description)
        except (ValueError, WrongApplication) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"id": description["id"]}, 201 if created else 200)

    def _keep(self, description: Any) -> bool:
        with self._fleet.change() as connection:
            return application.keep(connection, description)

    async def show_application(self, request: Request) -> Response:
        """An application description that was imported."""
        wanted = request.path_params["id"], request.query_params.get("version")
        try:
            description = await run_in_threadpool(self._find, *wanted)
        except WrongApplication as error:
            return JSONResponse({"error": str(error)}, 409)
        if description is None:
            return JSONResponse({"error": f"no application {wanted[0]} was imported"}, 404)
        return JSONResponse(description)

    def _find(self, application_id: str, version: str | None) -> Any:
        with self._fleet.look() as connection:
            return application.find(connection, application_id, version)


async def nothing_here(request: Request, reason: Exception) -> Response:
    """The answer to any other path or method, as the test control asks for it."""
    return JSONResponse({"error": f"there is no {request.method} {request.url.path}"}, 404)
