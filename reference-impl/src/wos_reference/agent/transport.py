"""One request at a time to the WOS over one kept connection; every wait has a deadline and every body a bound."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from wos_reference.agent import archive, identity
from wos_reference.agent.configuration import Configuration

BODY_LIMIT = 16 * 1024 * 1024
MINIMUM_WAIT = 0.001  # a socket timeout of 0 would mean "do not block" instead of "too late"


class NoAnswerError(Exception):
    """No usable answer came within the request timeout; the text says why."""


class NotSentError(NoAnswerError):
    """There was no connection on which to send the request."""


@dataclass(frozen=True)
class Answer:
    """What the WOS said; `body` is what is left after HTTP content codings are undone."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def retry_after(self) -> str | None:
        """The value of `Retry-After` as it was sent."""
        value: str | None = self.headers.get("retry-after")
        return value


class Transport:
    """The agent's way to its WOS. Not for use by two threads at once."""

    def __init__(self, configuration: Configuration) -> None:
        """Read identity and trust bundle, unless they are still to be obtained. Raises IdentityError and OSError."""
        self._configuration = configuration
        self._timeout = configuration.request_timeout
        self._deadline = 0.0
        self._client: httpx.Client | None = None
        if not configuration.identity_service:
            self._client = self._connect()

    def renew(self) -> None:
        """Show and trust from the next connection on what the files hold now."""
        if self._client:
            self._client.close()
        self._client = None

    def _connect(self) -> httpx.Client:
        configuration = self._configuration
        wos_id = identity.expected_wos_id(identity.own_spiffe_id(configuration.svid))
        context = identity.tls_context(configuration.svid, configuration.key, configuration.trust_bundle)
        identity.expect_wos(context, wos_id, self._remaining)
        return httpx.Client(
            base_url=configuration.wos_url,
            verify=context,
            timeout=self._timeout,
            trust_env=False,
            headers={"accept": "*/*", "accept-encoding": "gzip", "user-agent": "agent"},
        )

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send one request and read the whole answer, by `deadline` (monotonic seconds) at the latest.

        Raises NoAnswerError.
        """
        self._deadline = min(time.monotonic() + self._timeout, deadline or float("inf"))
        try:
            self._client = self._client or self._connect()
        except (identity.IdentityError, OSError, ValueError) as error:
            raise NotSentError(f"{method} {path}: there is no identity yet: {error}") from error
        try:
            with self._client.stream(
                method, path, headers=headers, content=body, timeout=self._remaining()
            ) as response:
                return Answer(response.status_code, response.headers, self._read(response))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSentError(f"{method} {path}: {error or type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NoAnswerError(f"{method} {path}: {error or type(error).__name__}") from error

    def _remaining(self) -> float:
        return max(MINIMUM_WAIT, self._deadline - time.monotonic())

    def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > BODY_LIMIT:
                raise NoAnswerError(f"{response.url.path}: the body is longer than {BODY_LIMIT} bytes")
            if time.monotonic() > self._deadline:
                raise NoAnswerError(f"{response.url.path}: the body took longer than the request timeout")
        return undo_content_coding(bytes(body), response.headers.get("content-encoding", "identity"))


def undo_content_coding(body: bytes, coding: str) -> bytes:
    """The body without its HTTP content coding. Raises NoAnswerError or ArchiveError (a ValueError)."""
    coding = coding.strip().lower()
    if coding == "identity" or not body:
        return body
    if coding not in ("gzip", "x-gzip"):
        raise NoAnswerError(f"content coding {coding!r} was not asked for")
    return archive.gunzip(body, BODY_LIMIT)
