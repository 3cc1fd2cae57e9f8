"""Fills the database of a WOS with clients, each with a device and deployments, and issues their SVIDs."""

import datetime
import json
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine, Table, insert

from wos_reference.wos import artifact, storage
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import BUNDLE, stored
from wos_reference.wos.storage import version_text

WOS_ID = "spiffe://plant.example/margo/wfm/main"
COMPONENT = "mixer"
VERSION = 2
TOGETHER = 100
WRITTEN = (storage.clients, storage.devices, storage.deployments, storage.manifests, storage.artifacts)
APPLICATION: dict[str, Any] = {
    "apiVersion": "margo.org/v1-alpha1",
    "id": "com-example-mixer",
    "metadata": {"name": "Mixer", "version": "1.0.0"},
    "deploymentProfiles": [
        {
            "type": "compose",
            "id": "small",
            "components": [
                {"name": COMPONENT, "properties": {"repository": "oci://registry.example/mixer", "revision": "1.0.0"}}
            ],
        }
    ],
    "parameters": {"rate": {"value": 10, "targets": [{"pointer": "RATE", "components": [COMPONENT]}]}},
}


def client_id(number: int) -> str:
    """The SPIFFE id of a client."""
    return f"{WOS_ID}/client/c{number}"


def deployment_id(client: int, number: int) -> str:
    """The id of a deployment."""
    return str(UUID(int=(client << 96) | number, version=4))


def populate(engine: Engine, clients: int, each: int) -> None:
    """Write clients with their deployments, as they would be after one publication of everything."""
    for first in range(0, clients, TOGETHER):
        rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in WRITTEN}
        for client in range(first, min(first + TOGETHER, clients)):
            for table, row in rows_of(client, each):
                rows[table].append(row)
        with engine.execution_options(writes=True).begin() as connection:
            for table in WRITTEN:
                connection.execute(insert(table), rows[table])


def rows_of(client: int, each: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """All rows of one client; documents, bundle and manifest are those of the reference."""
    spiffe_id, name = client_id(client), f"device-{client}"
    assigned = [row_of(client, number, name) for number in range(each)]
    documents = {row["id"]: row["document"] for row in assigned}
    archive = artifact.bundle(documents)
    identity = {"id": name, "vendor": "Example", "modelNumber": "E1", "serialNumber": str(client)}
    capabilities = {"properties": {**identity, "supportedDeploymentTypes": ["compose"]}}
    version = version_text(VERSION)
    yield storage.clients, {"spiffe_id": spiffe_id, "admitted": True, "version": version, "floor": version_text(0)}
    device = {"device_id": name, "document": json.dumps(capabilities), "announced_at": int(time.time())}
    yield storage.devices, {"spiffe_id": spiffe_id, **device}
    yield from ((storage.deployments, {**row, "changed_in": version}) for row in assigned)
    content = artifact.manifest(VERSION, documents, archive)
    yield storage.manifests, {"spiffe_id": spiffe_id, "version": version, "content": content}
    for key, body in [*documents.items(), (BUNDLE, archive)]:
        digest = artifact.digest_of(body)
        yield storage.artifacts, {"spiffe_id": spiffe_id, "name": key, "digest": digest, "content": body}


@cache
def model(number: int) -> dict[str, Any]:
    """The row of a deployment, as the reference makes it for the first client."""
    deployment = Deployment(deployment_id(0, number), "device-0", APPLICATION, "small", {"rate": number})
    return stored(client_id(0), deployment)


def row_of(client: int, number: int, device_name: str) -> dict[str, Any]:
    """The same row for another client; to write YAML two hundred thousand times would take the longest."""
    row, old, new = model(number), deployment_id(0, number), deployment_id(client, number)
    names = {old: new, f"app-{old[:8]}": f"app-{new[:8]}", "device-0": device_name}
    document, assignment = row["document"], row["assignment"]
    for before, after in names.items():
        document = document.replace(before.encode(), after.encode())
        assignment = assignment.replace(before, after)
    return {**row, "id": new, "spiffe_id": client_id(client), "document": document, "assignment": assignment}


def report(client: int, number: int, state: str) -> tuple[str, str]:
    """The id of a deployment and a status report about it."""
    content = {
        "deploymentId": deployment_id(client, number),
        "adoptedManifestVersion": VERSION,
        "status": {"state": state},
        "components": [{"name": COMPONENT, "state": state}],
    }
    return deployment_id(client, number), json.dumps(content)


class TrustDomain:
    """One root; all leaves have one key, which costs a client nothing and a WOS as much as any other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root of the benchmark")])
        self.root = self._write("root.pem", [self._issue([], self._root_key, authority=True)])
        self.wos = self._write("wos.pem", [self._issue([WOS_ID], self._key)])
        self.key = folder / "key.pem"
        self.key.write_bytes(self._key_pem())

    def agent(self, number: int) -> Path:
        """A file with the SVID of a client and the key."""
        path = self._folder / "agents" / f"{number}.pem"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            pem = self._issue([client_id(number)], self._key).public_bytes(serialization.Encoding.PEM)
            path.write_bytes(self._key_pem() + pem)
        return path

    def _write(self, name: str, certificates: list[x509.Certificate]) -> Path:
        path = self._folder / name
        path.write_bytes(b"".join(found.public_bytes(serialization.Encoding.PEM) for found in certificates))
        return path

    def _key_pem(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def _issue(self, uris: list[str], key: ec.EllipticCurvePrivateKey, *, authority: bool = False) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = self._name if authority else x509.Name([])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if uris:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
            builder = builder.add_extension(names, critical=not authority)
        return builder.sign(self._root_key, hashes.SHA256())
