"""Fills the database of a WOS with clients, each with one device and a number of deployments, and issues their SVIDs.

Everything goes through the reference itself, in one transaction and with one manifest for each client.
"""

import datetime
import json
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import insert

from wos_reference.wos import device
from wos_reference.wos.artifact import Deployment
from wos_reference.wos.fleet import Fleet, stored
from wos_reference.wos.storage import deployments

WOS_ID = "spiffe://plant.example/margo/wfm/main"
COMPONENT = "mixer"
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
    return str(UUID(int=(client << 64) | number, version=4))


def populate(fleet: Fleet, clients: int, each: int) -> None:
    """Admit clients and give each of them its deployments."""
    for client in range(clients):
        spiffe_id, name = client_id(client), f"device-{client}"
        identity = {"id": name, "vendor": "Example", "modelNumber": "E1", "serialNumber": str(client)}
        with fleet.change() as connection:
            fleet.admit(connection, spiffe_id)
            device.keep(
                connection, spiffe_id, name, {"properties": {**identity, "supportedDeploymentTypes": ["compose"]}}
            )
            rows = [
                stored(
                    spiffe_id, Deployment(deployment_id(client, number), name, APPLICATION, "small", {"rate": number})
                )
                for number in range(each)
            ]
            connection.execute(insert(deployments), rows)
            fleet.publish(connection, spiffe_id)


def report(client: int, number: int, state: str) -> tuple[str, str]:
    """The id of a deployment and a status report about it."""
    content = {
        "deploymentId": deployment_id(client, number),
        "adoptedManifestVersion": 2,
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
