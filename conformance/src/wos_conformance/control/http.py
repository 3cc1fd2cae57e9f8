"""Test control as an HTTP listener: POST of one JSON object to `/control/v1/<verb>`."""

import httpx

from wos_conformance.control.contract import Reply, Unreachable

_TIMEOUT = 20.0


class HttpTransport:
    """Brings verbs over HTTP with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            timeout=_TIMEOUT,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )

    def send(self, verb: str, body: bytes) -> Reply:
        """Bring the verb.

        Raises:
            Unreachable: nobody answers.
        """
        try:
            response = self._client.post(f"/control/v1/{verb}", content=body)
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        return Reply(response.status_code, response.content)
