"""The least that can be served: fixed answers by the very server, TLS and connections of the reference WOS.

`python bare.py CONFIGURATION MANIFEST` serves the bytes in the file MANIFEST with the configuration of a WOS and writes
its ready file.
"""

import json
import sys
from pathlib import Path

import uvicorn
from starlette.types import Receive, Scope, Send

from wos_reference.wos import artifact
from wos_reference.wos.configuration import Configuration
from wos_reference.wos.fleet import Fleet
from wos_reference.wos.interface import manifest_headers
from wos_reference.wos.server import agent_config, listen, run, url_of
from wos_reference.wos.storage import open_database
from wos_reference.wos.trust import Trust

Headers = list[tuple[bytes, bytes]]


class Bare:
    """An ASGI application that looks at nobody and keeps nothing."""

    def __init__(self, manifest: bytes) -> None:
        shared = {**manifest_headers(manifest), "Vary": "Accept-Encoding"}
        tagged: Headers = [(name.lower().encode(), value.encode()) for name, value in shared.items()]
        self.unchanged = 304, tagged, b""
        entity = [(b"content-type", artifact.MANIFEST_TYPE.encode()), (b"content-length", str(len(manifest)).encode())]
        self.changed = 200, [*tagged, *entity], manifest
        self.taken: tuple[int, Headers, bytes] = 200, [(b"content-length", b"0")], b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by method and by whether a tag is there; a body is read to its end."""
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
            status, headers, body = self.taken
        elif any(name == b"if-none-match" for name, _ in scope["headers"]):
            status, headers, body = self.unchanged
        else:
            status, headers, body = self.changed
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def main(path: Path, manifest: Path) -> None:
    """Serve until SIGTERM."""
    configuration = Configuration.read(path)
    trust = Trust(
        Fleet(open_database(configuration.database)), configuration.svid, configuration.key, configuration.trust_bundle
    )
    config = agent_config(Bare(manifest.read_bytes()), configuration, trust)
    listener = listen(configuration.listen, "AGENTS")
    assert configuration.ready_file
    configuration.ready_file.write_text(json.dumps({"wosUrl": url_of("https", listener)}), "utf-8")
    run(config, uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
