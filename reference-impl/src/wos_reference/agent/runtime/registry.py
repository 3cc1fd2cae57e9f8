"""Retrieves component archives from OCI registries; every byte is verified by digest and bounded before it is used."""

import base64
import json
import re
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from wos_reference.agent.desired_state import ManifestError, known_digest, verify_digest
from wos_reference.agent.runtime import RetrievalError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
COMPOSE_LAYER_TYPE = "application/vnd.org.margo.component.compose.tar+gzip"
CHART_LAYER_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
REPOSITORY = re.compile(r"oci://([A-Za-z0-9.-]+(?::[0-9]+)?)/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)")
MANIFEST_LIMIT = 1024 * 1024
LAYER_LIMIT = 64 * 1024 * 1024


def host_of(repository: str) -> str:
    """The host and port of an `oci://` address. Raises RetrievalError."""
    return _split(repository)[0]


def _split(repository: str) -> tuple[str, str]:
    match = REPOSITORY.fullmatch(repository)
    if match is None:
        raise RetrievalError(f"{repository!r:.200} is not oci://host/name")
    return match[1], match[2]


class Registry:
    """Reads from registries over TLS, or without it from the hosts `plain_http`; `credentials` are read each time.

    `anchors` is a file of certificates to which that of a registry may chain beside those that the system trusts.
    """

    def __init__(
        self,
        plain_http: frozenset[str],
        timeout: float,
        credentials: Path | None = None,
        anchors: Path | None = None,
    ) -> None:
        self._plain_http = plain_http
        self._timeout = timeout
        self._credentials = credentials
        self._anchors = anchors

    @cached_property
    def _client(self) -> httpx.Client:
        context = ssl.create_default_context()
        if self._anchors:
            context.load_verify_locations(self._anchors)
        return httpx.Client(follow_redirects=True, timeout=self._timeout, trust_env=False, verify=context)

    def compose_archive(self, repository: str, revision: str) -> bytes:
        """The one layer of a Compose component, verified by its digest. Raises RetrievalError."""
        return self._layer(repository, revision, COMPOSE_LAYER_TYPE)

    def chart(self, repository: str, revision: str) -> bytes:
        """The one layer of a Helm chart, verified by its digest. Raises RetrievalError."""
        return self._layer(repository, revision, CHART_LAYER_TYPE)

    def _layer(self, repository: str, revision: str, media_type: str) -> bytes:
        host, name = _split(repository)
        base = f"{'http' if host in self._plain_http else 'https'}://{host}/v2/{name}"
        deadline = time.monotonic() + self._timeout
        own = self._authorization(host)
        manifest = self._get(f"{base}/manifests/{revision}", own | {"accept": MANIFEST_TYPE}, MANIFEST_LIMIT, deadline)
        try:
            digest = layer_of(json.loads(manifest), media_type)
            layer = self._get(f"{base}/blobs/{digest}", own, LAYER_LIMIT, deadline)
            verify_digest(layer, digest)
        except (ManifestError, ValueError, RecursionError) as error:
            raise RetrievalError(f"{repository}:{revision}: {error}") from error
        return layer

    def _authorization(self, host: str) -> dict[str, str]:
        """The header for a registry with credentials; a redirection to another host does not carry it on."""
        if self._credentials is None:
            return {}
        try:
            encoded = json.loads(self._credentials.read_bytes())["auths"].get(host, {}).get("auth")
            return {"authorization": f"Basic {encoded}"} if base64.b64decode(encoded or "", validate=True) else {}
        except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise RetrievalError(f"{self._credentials} is not a file of registry credentials") from error

    def _get(self, url: str, headers: Mapping[str, str], limit: int, deadline: float) -> bytes:
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                response.raise_for_status()
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > limit or time.monotonic() > deadline:
                        raise RetrievalError(f"{url} is longer than {limit} bytes or too slow")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetrievalError(f"{url}: {error or type(error).__name__}") from error
        return bytes(body)


def layer_of(manifest: Any, media_type: str) -> str:
    """The digest of the one layer that `manifest` names. Raises ManifestError."""
    layers = manifest.get("layers") if isinstance(manifest, dict) else None
    if not isinstance(layers, list) or len(layers) != 1 or not isinstance(layers[0], dict):
        raise ManifestError("the component is not an OCI manifest with one layer")
    if layers[0].get("mediaType") != media_type:
        raise ManifestError(f"the layer is {layers[0].get('mediaType')!r:.100}, not {media_type}")
    return known_digest(layers[0].get("digest"))
