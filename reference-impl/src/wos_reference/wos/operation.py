"""What the command asks of a running WOS, on the operator's listener."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import yaml


class Refused(Exception):
    """The WOS said no, or could not be reached."""


class Operation:
    """A connection with a token."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def do(self, verb: str, **arguments: Any) -> Any:
        """A verb of the test control."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._ask("POST", f"/control/v1/{verb}", json=given)

    def overview(self) -> Iterator[dict[str, Any]]:
        """All clients, however many there are."""
        after = ""
        while some := self._ask("GET", "/operator/v1/overview", params={"after": after}):
            yield from some
            after = some[-1]["spiffe_id"]

    def import_application(self, path: Path) -> Any:
        """Hand over a description in YAML or JSON."""
        try:
            description = yaml.safe_load(path.read_bytes())
        except yaml.YAMLError as error:
            raise Refused(f"{path} is not YAML: {error}") from error
        return self._ask("POST", "/operator/v1/applications", json=description)

    def application(self, application_id: str, version: str | None) -> Any:
        """A description that was imported."""
        return self._ask(
            "GET", f"/operator/v1/applications/{application_id}", params={"version": version} if version else {}
        )

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        try:
            answer = self._http.request(method, path, **content)
        except httpx.TransportError as error:
            raise Refused(f"{self._http.base_url} cannot be reached: {error}") from error
        value = answer.json()
        if answer.status_code >= 400:
            raise Refused(value.get("error", answer.text))
        return value
