"""What is measured beside the agent: the same polls and the same files by the shortest programs that do it.

`bare.py poll CREDENTIALS URL COUNT` polls with the tag that it was given first, and waits to be ended.
"""

import io
import json
import os
import ssl
import sys
import tarfile
import time
from pathlib import Path

import httpx
from stub import MANIFEST


def client_of(credentials: Path, url: str) -> httpx.Client:
    """An HTTP client with the SVID of the client."""
    context = ssl.create_default_context(cafile=str(credentials / "trust-bundle.pem"))
    context.load_cert_chain(credentials / "pool" / "agent-1.pem", credentials / "pool" / "key.pem")
    context.check_hostname = False
    return httpx.Client(base_url=url, verify=context, trust_env=False)


def poll(credentials: Path, url: str, interval: float) -> None:
    """Ask for the manifest again and again, with the tag of the first answer."""
    with client_of(credentials, url) as client:
        tag = client.get(MANIFEST).headers["ETag"]
        while True:
            assert client.get(MANIFEST, headers={"If-None-Match": tag}).status_code == 304
            time.sleep(interval)  # noqa: TID251


def lay_out(client: httpx.Client, bundle: str, folder: Path) -> int:
    """Get a bundle and keep each member as a file that survives a power cut; how many there were."""
    client.get(MANIFEST).raise_for_status()
    body = client.get(bundle).raise_for_status().content
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        members = archive.getmembers()
        for member in members:
            content = archive.extractfile(member)
            assert content
            keep(folder / member.name.removesuffix(".yaml"), json.load(content))
    return len(members)


def keep(folder: Path, content: object) -> None:
    """Write one file, durably and at once."""
    folder.mkdir(parents=True)
    new = folder / ".mixer.new"
    with new.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / "mixer.json")


if __name__ == "__main__":
    poll(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
