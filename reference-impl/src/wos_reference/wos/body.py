"""Reading bodies within bounds of length and time."""

import asyncio

from starlette.requests import Request

_WITHIN_SECONDS = 30


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
