"""Reading bodies within bounds of length and time, and as the JSON that they should be."""

import asyncio
import json
import math
from typing import Any

from starlette.requests import Request
from werkzeug.http import parse_options_header

from wos_reference.wos.problem import Refusal, plain_problem, problem

JSON_TYPE = "application/json"
BODY_AT_MOST = 1 << 20
_WITHIN_SECONDS = 30
_DIGITS_AT_MOST = 400


class TooLarge(ValueError):
    """More bytes than are read."""


async def body_of(request: Request, at_most: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it has more than `at_most` bytes; the rest was not read.
        TimeoutError: it did not arrive in time.
    """
    content = bytearray()
    async with asyncio.timeout(_WITHIN_SECONDS):
        async for part in request.stream():
            content += part
            if len(content) > at_most:
                raise TooLarge(f"the body has more than {at_most} bytes")
    return bytes(content)


async def json_body(request: Request) -> Any:
    """The body as JSON.

    Raises:
        Refusal: it has another content type, is too large, does not arrive, or is not JSON in UTF-8.
    """
    if parse_options_header(request.headers.get("content-type", JSON_TYPE))[0].lower() != JSON_TYPE:
        raise Refusal(plain_problem(415))
    try:
        content = await body_of(request, BODY_AT_MOST)
    except TooLarge as error:
        raise Refusal(plain_problem(413, detail=str(error))) from error
    except TimeoutError as error:
        raise Refusal(plain_problem(408, {"Connection": "close"})) from error
    try:
        return json_of(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(problem("invalid-request", "the body is not JSON in UTF-8")) from error


def json_of(content: bytes) -> Any:
    """JSON in UTF-8, and nothing that only Python takes for it.

    Raises:
        ValueError, RecursionError: it is something else.
    """
    return json.loads(content.decode("utf-8"), parse_constant=_refuse, parse_int=_whole, parse_float=_fraction)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _whole(text: str) -> int | str:
    """A whole number; one that no schema allows stays a text, which no schema allows either."""
    return int(text) if len(text) <= _DIGITS_AT_MOST else text


def _fraction(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text
