"""A throw-away trust domain: root, intermediate, good SVIDs, and twins of them with exactly one flaw."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wos_conformance.drive.old_signature import signed_with_sha1
from wos_conformance.history import Credential

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_POOL_SIZE = 8
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Svid:
    """A certificate with its key, as PEM; `chain_pem` has the leaf first. `flaw` names its one flaw, if any."""

    spiffe_id: str | None
    chain_pem: bytes
    key_pem: bytes
    flaw: str | None = None

    def flawed(self, flaw: str) -> "Svid":
        """The same under the name of the flaw that it has in this situation."""
        return replace(self, flaw=flaw)

    @property
    def secrets(self) -> list[bytes]:
        """Texts that a message can hold only when it tells something of the private key: number, hex and PEM."""
        key = serialization.load_pem_private_key(self.key_pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return []
        number = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
        lines = self.key_pem.splitlines()
        return [number, number.hex().encode(), lines[1][48:], lines[2][:26]]

    def save(self, path: Path) -> None:
        """Write the chain to `path`.pem and the key to `path`-key.pem."""
        _write(path.with_name(f"{path.name}.pem"), self.chain_pem)
        _write(path.with_name(f"{path.name}-key.pem"), self.key_pem)

    @property
    def chain_der(self) -> list[bytes]:
        """The certificates of the chain in DER, the leaf first."""
        known = x509.load_pem_x509_certificates(self.chain_pem)
        return [certificate.public_bytes(serialization.Encoding.DER) for certificate in known]

    @property
    def credential(self) -> Credential:
        """How the history names it."""
        return Credential(name=self.flaw or "good", spiffe_id=self.spiffe_id, flaw=self.flaw)


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class _Leaf:
    """What a leaf certificate is made of; a flaw changes one member."""

    uris: Sequence[str]
    dns: Sequence[str] = ()
    ca: bool = False
    cert_sign: bool = False
    begins: timedelta = -_HOUR
    ends: timedelta = _DAY
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)


AGENT_FLAWS = (
    *("unknown-root", "missing-intermediate", "expired-leaf", "not-yet-valid-leaf", "expired-intermediate"),
    *("other-trust-domain", "other-wos-id", "case-variant", "wos-shaped", "extra-segment", "no-client-segment"),
    "no-wos-segment",
    *("no-uri-san", "dns-only", "two-uri-sans", "ca-leaf", "key-cert-sign"),
    *("server-usage-only", "rsa-2048", "sha-1"),
)
WOS_FLAWS = (
    *("unknown-root", "missing-intermediate", "expired-leaf", "not-yet-valid-leaf", "expired-intermediate"),
    *("other-trust-domain", "other-wos-id", "case-variant", "client-shaped", "dns-only", "two-uri-sans", "ca-leaf"),
    *("client-usage-only", "rsa-2048", "sha-1"),
)


class TrustDomain:
    """The identities of one WOS and its agents below one root and one intermediate."""

    def __init__(self, name: str, wos_id: str, root: _Authority, intermediate: _Authority) -> None:
        self.name = name
        self.wos_id = wos_id
        self._root = root
        self._intermediate = intermediate
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._pool: list[Svid] = []
        self._pool_next = 0
        self.installed_pem = self.bundle_pem
        """The trust bundle that was installed at the WOS: the root, unless somebody says otherwise."""

    @classmethod
    def create(cls, name: str, wos_id: str) -> Self:
        """A new trust domain with keys of its own."""
        root = _authority(f"root of {name}", None)
        return cls(name, wos_id, root, _authority(f"intermediate of {name}", root))

    @property
    def wos_spiffe_id(self) -> str:
        """The SPIFFE id of the WOS."""
        return f"spiffe://{self.name}/margo/wfm/{self.wos_id}"

    @property
    def bundle_pem(self) -> bytes:
        """The trust bundle: the root alone."""
        return _pem(self._root.certificate)

    @property
    def roots(self) -> list[bytes]:
        """The certificates of the installed trust bundle in DER."""
        known = x509.load_pem_x509_certificates(self.installed_pem)
        return [certificate.public_bytes(serialization.Encoding.DER) for certificate in known]

    @cached_property
    def _strangers(self) -> "TrustDomain":
        return TrustDomain.create(self.name, self.wos_id)

    @cached_property
    def _expired_intermediate(self) -> _Authority:
        return _authority(f"intermediate of {self.name}", self._root, ends=-_HOUR)

    @cached_property
    def _short_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)

    def successor(self) -> Self:
        """The same trust domain after its root was replaced."""
        return self.create(self.name, self.wos_id)

    def other_wos(self) -> Self:
        """Another WOS of the same trust domain, below the same root."""
        return type(self)(self.name, f"{self.wos_id}-two", self._root, self._intermediate)

    def expired(self) -> Self:
        """The same trust domain below a root that has expired."""
        root = _authority(f"old root of {self.name}", None, ends=-_HOUR)
        return type(self)(self.name, self.wos_id, root, _authority(f"intermediate of {self.name}", root))

    def wos(self, flaw: str | None = None) -> Svid:
        """The SVID of the WOS, or a twin of it with one flaw."""
        return self._svid(self.wos_spiffe_id, flaw)

    def agent(self, client_id: str | None = None, flaw: str | None = None) -> Svid:
        """The SVID of an agent, or a twin of it with one flaw; `unlisted` is a good one that nobody admits."""
        chosen = client_id or f"press-{secrets.token_hex(6)}"
        return self._svid(f"{self.wos_spiffe_id}/client/{chosen}", flaw)

    def agent_for_seconds(self, client_id: str, seconds: float) -> Svid:
        """The SVID of an agent that expires so soon; its flaw is `expires-soon` from the beginning."""
        spiffe_id = f"{self.wos_spiffe_id}/client/{client_id}"
        certificate = _issue(_Leaf([spiffe_id], ends=timedelta(seconds=seconds)), self._intermediate, self._leaf_key)
        chain = _pem(certificate) + _pem(self._intermediate.certificate)
        return Svid(spiffe_id, chain, _key_pem(self._leaf_key), "expires-soon")

    def service(self, host: str) -> Svid:
        """The certificate of a service that is known by its host name."""
        certificate = _issue(_Leaf([], dns=[host]), self._intermediate, self._leaf_key)
        chain = _pem(certificate) + _pem(self._intermediate.certificate)
        return Svid(None, chain, _key_pem(self._leaf_key))

    def issued(self, spiffe_id: str, key: CertificatePublicKeyTypes, seconds: float) -> list[x509.Certificate]:
        """A chain, leaf first, for somebody else's key, which is valid from now on for so long."""
        leaf = _Leaf([spiffe_id], begins=timedelta(), ends=timedelta(seconds=seconds))
        return [_issued(leaf, self._intermediate, key), self._intermediate.certificate]

    def _svid(self, spiffe_id: str, flaw: str | None) -> Svid:
        if flaw == "unknown-root":
            return replace(self._strangers._svid(spiffe_id, None), flaw=flaw)
        issuer = self._expired_intermediate if flaw == "expired-intermediate" else self._intermediate
        leaf = self._flawed(_Leaf([spiffe_id]), spiffe_id, flaw)
        key = self._short_key if flaw == "rsa-2048" else self._leaf_key
        certificate = _issue(leaf, issuer, key)
        if flaw == "sha-1":
            certificate = signed_with_sha1(certificate, issuer.key)
        chain = [certificate] if flaw == "missing-intermediate" else [certificate, issuer.certificate]
        named = leaf.uris[0] if leaf.uris else None
        return Svid(named, b"".join(map(_pem, chain)), _key_pem(key), flaw)

    def _flawed(self, leaf: _Leaf, spiffe_id: str, flaw: str | None) -> _Leaf:
        client = spiffe_id.rpartition("/client/")[2]
        prefix = f"spiffe://{self.name}/margo/wfm"
        changes: dict[str, Callable[[], _Leaf]] = {
            "expired-leaf": lambda: replace(leaf, begins=-_DAY, ends=-_HOUR),
            "not-yet-valid-leaf": lambda: replace(leaf, begins=_HOUR),
            "other-trust-domain": lambda: replace(leaf, uris=[spiffe_id.replace(self.name, f"other.{self.name}")]),
            "other-wos-id": lambda: replace(leaf, uris=[spiffe_id.replace(f"/wfm/{self.wos_id}", "/wfm/elsewhere")]),
            "case-variant": lambda: replace(
                leaf, uris=[spiffe_id.replace(f"/wfm/{self.wos_id}", f"/wfm/{self.wos_id.swapcase()}")]
            ),
            "wos-shaped": lambda: replace(leaf, uris=[self.wos_spiffe_id]),
            "client-shaped": lambda: replace(leaf, uris=[f"{self.wos_spiffe_id}/client/main"]),
            "extra-segment": lambda: replace(leaf, uris=[f"{spiffe_id}/more"]),
            "no-client-segment": lambda: replace(leaf, uris=[f"{prefix}/{self.wos_id}/{client}"]),
            "no-wos-segment": lambda: replace(leaf, uris=[f"spiffe://{self.name}/margo/client/{client}"]),
            "no-uri-san": lambda: replace(leaf, uris=[]),
            "dns-only": lambda: replace(leaf, uris=[], dns=["localhost"]),
            "two-uri-sans": lambda: replace(leaf, uris=[spiffe_id, f"{spiffe_id}-too"]),
            "ca-leaf": lambda: replace(leaf, ca=True),
            "key-cert-sign": lambda: replace(leaf, cert_sign=True),
            "server-usage-only": lambda: replace(leaf, usages=[ExtendedKeyUsageOID.SERVER_AUTH]),
            "client-usage-only": lambda: replace(leaf, usages=[ExtendedKeyUsageOID.CLIENT_AUTH]),
        }
        return changes[flaw]() if flaw in changes else leaf

    def from_pool(self, flaw: str | None) -> Svid:
        """An SVID of the pool that `init` made; good ones are handed out in turn.

        Raises:
            KeyError: the pool has none with this flaw.
        """
        matching = [svid for svid in self._pool if svid.flaw == flaw]
        if not matching:
            raise KeyError(flaw)
        self._pool_next += 1
        return matching[self._pool_next % len(matching)]

    def save(self, folder: Path) -> None:
        """Write what a WOS needs, and a pool of agents with the flawed ones, for runs without test control."""
        folder.mkdir(parents=True, exist_ok=True)
        wos = self.wos()
        _write(folder / "trust-bundle.pem", self.bundle_pem)
        _write(folder / "wos.pem", wos.chain_pem)
        _write(folder / "wos-key.pem", wos.key_pem)
        for name, authority in (("root", self._root), ("intermediate", self._intermediate)):
            _write(folder / f"{name}.pem", _pem(authority.certificate))
            _write(folder / f"{name}-key.pem", _key_pem(authority.key))
        pool = [self.agent(f"pool-{number}") for number in range(_POOL_SIZE)]
        pool += [self.agent(f"pool-{flaw}", flaw) for flaw in ("unlisted", *AGENT_FLAWS)]
        entries: list[dict[str, str | None]] = []
        for svid in pool:
            name = svid.flaw or f"agent-{len(entries)}"
            _write(folder / "pool" / f"{name}.pem", svid.chain_pem)
            entries.append({"file": f"pool/{name}.pem", "spiffeId": svid.spiffe_id, "flaw": svid.flaw})
        _write(folder / "pool" / "key.pem", pool[0].key_pem)
        for svid in pool:
            if svid.key_pem != pool[0].key_pem:
                _write(folder / "pool" / f"{svid.flaw}-key.pem", svid.key_pem)
        facts = {"trustDomain": self.name, "wosId": self.wos_id, "clients": entries}
        _write(folder / "pool.json", json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: the folder was not made by `init`.
        """
        facts = json.loads((folder / "pool.json").read_bytes())
        root, intermediate = (_load_authority(folder, name) for name in ("root", "intermediate"))
        domain = cls(facts["trustDomain"], facts["wosId"], root, intermediate)
        for entry in facts["clients"]:
            special = folder / "pool" / f"{entry['flaw']}-key.pem"
            key = special if special.exists() else folder / "pool" / "key.pem"
            chain = (folder / entry["file"]).read_bytes()
            domain._pool.append(Svid(entry["spiffeId"], chain, key.read_bytes(), entry["flaw"]))
        return domain


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _load_authority(folder: Path, name: str) -> _Authority:
    key = serialization.load_pem_private_key((folder / f"{name}-key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return _Authority(x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()), key)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority(name: str, issuer: _Authority | None, ends: timedelta = 30 * _DAY) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer or _Authority(None, key)  # type: ignore[arg-type]
    builder = _builder(_name(name), signer.certificate.subject if issuer else _name(name), -30 * _DAY, ends)
    builder = (
        builder.public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signature=False, cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
    )
    return _Authority(builder.sign(signer.key, hashes.SHA256()), key)


def _issue(leaf: _Leaf, issuer: _Authority, key: _Key) -> x509.Certificate:
    return _issued(leaf, issuer, key.public_key())


def _issued(leaf: _Leaf, issuer: _Authority, key: CertificatePublicKeyTypes) -> x509.Certificate:
    builder = _builder(_name("workload"), issuer.certificate.subject, leaf.begins, leaf.ends)
    builder = (
        builder.public_key(key)
        .add_extension(x509.BasicConstraints(ca=leaf.ca, path_length=None), critical=True)
        .add_extension(_key_usage(signature=True, cert_sign=leaf.cert_sign), critical=True)
        .add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    names = [*map(x509.UniformResourceIdentifier, leaf.uris), *map(x509.DNSName, leaf.dns)]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def _builder(subject: x509.Name, issuer: x509.Name, begins: timedelta, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _key_usage(*, signature: bool, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signature,
        key_cert_sign=cert_sign,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
