"""Enrolment and trust discovery on a listener of their own (onboarding.md)."""

import base64
import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import NameOID
from trust_domain import Credential, TrustDomain
from visited_wos import MANIFEST, WOS_ID, Wos, assert_problem, identity_service, overview

from wos_reference.wos import schema
from wos_reference.wos.cli import main

AGENT = f"{WOS_ID}/client/newcomer"
ENROL, RENEW = "/.well-known/est/simpleenroll", "/.well-known/est/simplereenroll"
PKCS10 = {"content-type": "application/pkcs10"}


@pytest.fixture(scope="module")
def trust_domain() -> TrustDomain:
    """With an authority below the root, which issues SVIDs."""
    return TrustDomain()


@pytest.fixture(scope="module")
def service(trust_domain: TrustDomain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wos]:
    """A WOS with its identity service."""
    folder = tmp_path_factory.mktemp("service")
    settings = identity_service(folder, trust_domain)
    wos = Wos(folder, trust_domain, identity_service=settings, database=f"sqlite:///{folder}/wos.sqlite3")
    yield wos
    wos.close()


@pytest.fixture
def http(service: Wos) -> Iterator[httpx.Client]:
    """Somebody without a certificate, who looks at the host name."""
    with httpx.Client(base_url=service.identity_url, verify=context(service), trust_env=False) as client:
        yield client


def context(service: Wos) -> ssl.SSLContext:
    """The anchors for the service."""
    return ssl.create_default_context(cadata=service.trust_domain.root.certificate_pem.decode())


def request_for(key: Any, uri: str = "spiffe://elsewhere.example/root") -> bytes:
    """A certificate request in DER that asks for much."""
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("wos.plant.example")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "administrator")])
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def enrol(http: httpx.Client, code: str, content: bytes) -> httpx.Response:
    """Enrol with a code."""
    return http.post(ENROL, content=base64.encodebytes(content), headers=PKCS10, auth=("enrol", code))


def certificates_in(answer: httpx.Response) -> list[x509.Certificate]:
    """What a certs-only message holds."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/pkcs7-mime"
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))


def issued_in(answer: httpx.Response) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The leaf and what is above it; a message has its certificates in no order."""
    found = certificates_in(answer)
    (leaf,) = (c for c in found if not c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    return leaf, [certificate for certificate in found if certificate != leaf]


def public(key: Any) -> bytes:
    """A public key as bytes."""
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def code_for(service: Wos, spiffe_id: str, **arguments: Any) -> str:
    """A one-time code for a client that is admitted."""
    return str(service.do("admit", spiffeId=spiffe_id, **arguments)["enrolmentCode"])


def new_key() -> ec.EllipticCurvePrivateKey:
    """As a device makes it."""
    return ec.generate_private_key(ec.SECP256R1())


def test_roots_are_served_to_everybody(http: httpx.Client, trust_domain: TrustDomain) -> None:
    """Exactly those in force."""
    assert certificates_in(http.get("/.well-known/est/cacerts")) == [trust_domain.root.certificate]


def test_svid_is_for_the_id_of_the_code_and_the_key_of_the_request(service: Wos, http: httpx.Client) -> None:
    """Whatever else the request asks for; with it, the agent polls."""
    key = new_key()
    leaf, intermediates = issued_in(enrol(http, code_for(service, AGENT), request_for(key)))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(AGENT)]
    assert public(leaf.public_key()) == public(key.public_key())
    assert leaf.not_valid_after_utc - datetime.datetime.now(datetime.UTC) < datetime.timedelta(days=1)
    assert len(intermediates) == 1
    assert service.visitor(Chain(leaf, key, intermediates)).get(MANIFEST).status_code == 200


class Chain(Credential):
    """A leaf with its intermediates."""

    def __init__(self, leaf: x509.Certificate, key: Any, intermediates: list[x509.Certificate]) -> None:
        super().__init__(leaf, key)
        self.intermediates = intermediates

    @property
    def certificate_pem(self) -> bytes:
        return b"".join(c.public_bytes(Encoding.PEM) for c in [self.certificate, *self.intermediates])


def test_code_belongs_to_the_first_key(service: Wos, http: httpx.Client) -> None:
    """The same request may come again."""
    code, content = code_for(service, AGENT), request_for(new_key())
    assert [enrol(http, code, content).status_code for _ in (1, 2)] == [200, 200]
    assert_problem(enrol(http, code, request_for(new_key())), 401)


def test_each_admission_has_its_code(service: Wos) -> None:
    """And the same request has the same one."""
    assert code_for(service, AGENT) != code_for(service, AGENT)
    assert len({code_for(service, AGENT, requestId="once") for _ in range(2)}) == 1


@pytest.mark.parametrize("auth", [None, ("enrol", "wrong"), ("enrol", ""), ("other", "x")])
def test_credential_is_asked_for(http: httpx.Client, auth: tuple[str, str] | None) -> None:
    """And which kind is said."""
    answer = http.post(ENROL, content=base64.b64encode(request_for(new_key())), headers=PKCS10, auth=auth)
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_credential_is_looked_at_first(http: httpx.Client) -> None:
    """Whatever the request is."""
    assert_problem(enrol(http, "wrong", b"nonsense"), 401)


def test_code_ends_when_its_client_is_retired(service: Wos, http: httpx.Client) -> None:
    """Whoever returns needs another one."""
    name = f"{WOS_ID}/client/retired"
    code, content = code_for(service, name), request_for(new_key())
    assert enrol(http, code, content).status_code == 200
    service.do("retire", spiffeId=name)
    assert_problem(enrol(http, code, content), 401)
    assert enrol(http, code_for(service, name), content).status_code == 200


def broken_signature() -> bytes:
    """A request with one bit of its signature changed."""
    content = bytearray(request_for(new_key()))
    content[-1] ^= 1
    return bytes(content)


def unknown_version() -> bytes:
    """A request of a version that does not exist."""
    return request_for(new_key()).replace(b"\x02\x01\x00", b"\x02\x01\x07", 1)


WRONG_REQUESTS = {
    "signature": broken_signature(),
    "version": unknown_version(),
    "empty": b"",
    "nonsense": b"nonsense",
    "weak-key": request_for(rsa.generate_private_key(65537, 2048)),
    "large": b"0" * 70_000,
}


@pytest.mark.parametrize("content", WRONG_REQUESTS.values(), ids=WRONG_REQUESTS)
def test_request_that_is_wrong_is_refused(service: Wos, http: httpx.Client, content: bytes) -> None:
    """Before its code is bound."""
    code = code_for(service, AGENT)
    answer = enrol(http, code, content)
    assert_problem(answer, *((413,) if len(content) > 60_000 else (400, "invalid-request")))
    assert enrol(http, code, request_for(new_key())).status_code == 200


def test_approval_is_waited_for(service: Wos, http: httpx.Client) -> None:
    """With the same request; before anybody waits, there is nothing to approve."""
    name = f"{WOS_ID}/client/waiting"
    code, content = code_for(service, name, approval=True), request_for(new_key())
    assert service.operator.post("/control/v1/approve", json={"spiffeId": name}).status_code == 409
    for _ in (1, 2):
        waiting = enrol(http, code, content)
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    service.do("approve", spiffeId=name)
    assert certificates_in(enrol(http, code, content))
    assert service.operator.post("/control/v1/approve", json={"spiffeId": name}).status_code == 409


def test_command_hands_out_codes_and_approves(service: Wos, http: httpx.Client) -> None:
    """As an operator does it."""
    name = f"{WOS_ID}/client/by-command"
    code = told(service, "admit", name, "--approval")
    content = request_for(new_key())
    assert enrol(http, code, content).status_code == 202
    told(service, "approve", name)
    assert enrol(http, code, content).status_code == 200
    told(service, "rotate-trust", str(service.folder / "root.pem"))


def told(service: Wos, *arguments: str) -> str:
    """What `reference-wos` says."""
    connection = ["--url", service.control_url, "--token-file", str(service.folder / "token")]
    result = CliRunner().invoke(main, [*connection, *arguments])
    assert result.exit_code == 0, result.output
    return result.output.strip()


def renewing(service: Wos, credential: Credential) -> httpx.Response:
    """Ask for a new SVID with this one."""
    shown = context(service)
    path = service.folder / "renewing.pem"
    path.write_bytes(credential.key_pem + credential.certificate_pem)
    shown.load_cert_chain(path)
    with httpx.Client(base_url=service.identity_url, verify=shown, trust_env=False) as http:
        return http.post(RENEW, content=base64.b64encode(request_for(new_key())), headers=PKCS10)


def test_renewal_keeps_the_id(service: Wos, http: httpx.Client) -> None:
    """And is refused to whoever was retired, is no agent, or shows nothing."""
    name = f"{WOS_ID}/client/renewing"
    service.do("admit", spiffeId=name)
    credential = service.trust_domain.issue(name)
    leaf, _ = issued_in(renewing(service, credential))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(name)]
    assert_problem(renewing(service, service.trust_domain.issue(WOS_ID)), 403, "not-authorized")
    service.do("retire", spiffeId=name)
    assert_problem(renewing(service, credential), 403, "not-authorized")
    anonymous = http.post(RENEW, content=base64.b64encode(request_for(new_key())), headers=PKCS10)
    assert_problem(anonymous, 403, "not-authorized")


def test_trust_is_discovered(service: Wos, http: httpx.Client) -> None:
    """Documents of the specification, with tags."""
    discovery = http.get("/.well-known/margo")
    assert schema.faults("discovery-document", discovery.json()) == []
    assert discovery.json()["trustDomain"] == "plant.example"
    bundle = http.get(discovery.json()["trustBundleUri"])
    assert schema.faults("trust-bundle", bundle.json()) == []
    (key,) = bundle.json()["keys"]
    assert base64.b64decode(key["x5c"][0]) == service.trust_domain.root.certificate.public_bytes(Encoding.DER)
    for answer in (discovery, bundle):
        again = http.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        refused = http.get(answer.url, headers={"accept": "text/plain"})
        assert_problem(refused, 406, "server-cannot-generate-response")


def test_sequence_grows_with_other_roots(service: Wos) -> None:
    """And with nothing else."""
    uri = "/.well-known/spiffe/bundle.json"
    before = fresh(service, uri)
    old, new = (domain.root.certificate_pem.decode() for domain in (service.trust_domain, TrustDomain()))
    sequences = [before["spiffe_sequence"]]
    for roots, number in ((old + new, 2), (old, 1)):
        service.do("rotate_trust", trustBundlePem=roots)
        service.do("rotate_trust", trustBundlePem=roots)
        served = fresh(service, uri)
        assert len(served["keys"]) == number
        sequences.append(served["spiffe_sequence"])
    assert sequences == [sequences[0], sequences[0] + 1, sequences[0] + 2]


def fresh(service: Wos, path: str) -> Any:
    """What a new connection is served."""
    return httpx.get(f"{service.identity_url}{path}", verify=context(service), trust_env=False).json()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("GET", ENROL, 405), ("POST", "/.well-known/margo", 405), ("GET", "/.well-known/other", 404), ("PUT", RENEW, 405)],
)
def test_what_is_not_there(http: httpx.Client, method: str, path: str, expected: int) -> None:
    """A problem document, as everywhere."""
    answer = http.request(method, path)
    assert_problem(answer, expected)
    assert ("allow" in answer.headers) == (expected == 405)


def test_interface_is_not_served_there(http: httpx.Client) -> None:
    """Nor the other way round."""
    assert http.get(MANIFEST).status_code == 404


def factory_certificate(service: Wos, path: Path, name: str = "serial 4711") -> Credential:
    """What the maker of a device has put into it, signed by an authority that the WOS does not know."""
    credential = TrustDomain().issue(f"spiffe://maker.example/{name.replace(' ', '-')}")
    path.write_bytes(credential.certificate_pem)
    return credential


def admitted_with(service: Wos, path: Path, client: str, *options: str) -> None:
    """Say on the command line which client has the certificate in a file."""
    token = ["--url", service.control_url, "--token-file", str(service.folder / "token")]
    done = CliRunner().invoke(main, [*token, "admit", client, "--factory-certificate", str(path), *options])
    assert (done.exit_code, done.output) == (0, ""), done.output


def device(service: Wos, credential: Credential | None) -> httpx.Client:
    """Somebody who shows this certificate to the identity service."""
    visitor = service.visitor(credential)
    visitor.base_url = service.identity_url
    return visitor


def asks(visitor: httpx.Client, key: Any, path: str = ENROL) -> httpx.Response:
    """A request without a code."""
    return visitor.post(path, content=base64.encodebytes(request_for(key)), headers=PKCS10)


def test_factory_certificate_enrols_the_client_that_the_operator_has_named(service: Wos, tmp_path: Path) -> None:
    """With any key, since the device may begin anew; the certificate is nothing but a credential to enrol."""
    name, key = f"{WOS_ID}/client/of-the-factory", new_key()
    credential = factory_certificate(service, tmp_path / "factory.pem")
    admitted_with(service, tmp_path / "factory.pem", name)
    leaf, _ = issued_in(asks(device(service, credential), key))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(name)]
    assert public(leaf.public_key()) == public(key.public_key())
    assert asks(device(service, credential), new_key()).status_code == 200


def test_factory_certificate_waits_for_an_approval(service: Wos, tmp_path: Path) -> None:
    """As a code does."""
    name, key = f"{WOS_ID}/client/of-the-factory-too", new_key()
    credential = factory_certificate(service, tmp_path / "factory.pem")
    admitted_with(service, tmp_path / "factory.pem", name, "--approval")
    assert asks(device(service, credential), key).status_code == 202
    service.do("approve", spiffeId=name)
    assert asks(device(service, credential), key).status_code == 200
    service.do("retire", spiffeId=name)
    with pytest.raises(httpx.TransportError):
        asks(device(service, credential), key)


def test_factory_certificate_of_nobody_is_refused(service: Wos, tmp_path: Path) -> None:
    """In the handshake; an SVID is none either."""
    with pytest.raises(httpx.TransportError):
        asks(device(service, factory_certificate(service, tmp_path / "factory.pem")), new_key())
    svid = service.trust_domain.issue(AGENT)
    assert_problem(asks(device(service, svid), new_key()), 401)


def test_factory_certificate_vouches_for_nobody_else(service: Wos, tmp_path: Path) -> None:
    """Neither does whoever has signed it."""
    maker = TrustDomain()
    (tmp_path / "factory.pem").write_bytes(maker.issue(f"{WOS_ID}/client/first").certificate_pem)
    admitted_with(service, tmp_path / "factory.pem", f"{WOS_ID}/client/first")
    for path in (ENROL, RENEW):
        with pytest.raises(httpx.TransportError):
            asks(device(service, maker.issue(f"{WOS_ID}/client/first")), new_key(), path)


def test_factory_certificate_is_no_svid(service: Wos, tmp_path: Path) -> None:
    """It neither polls nor renews, whatever id is in it."""
    name = f"{WOS_ID}/client/looks-like-one"
    credential = TrustDomain().issue(name)
    (tmp_path / "factory.pem").write_bytes(credential.certificate_pem)
    admitted_with(service, tmp_path / "factory.pem", name)
    assert_problem(asks(device(service, credential), new_key(), RENEW), 403, "not-authorized")
    with pytest.raises(httpx.TransportError):
        service.visitor(credential).get(MANIFEST)


@pytest.mark.parametrize(
    "pem", ["nonsense", "", TrustDomain().root.certificate_pem.decode()], ids=["nonsense", "empty", "authority"]
)
def test_what_is_no_certificate_of_a_device_is_refused(service: Wos, pem: str) -> None:
    """And nobody is admitted."""
    name = f"{WOS_ID}/client/nobody"
    body = {"spiffeId": name, "factoryCertificatePem": pem}
    assert service.operator.post("/control/v1/admit", json=body).status_code == 400
    assert name not in {line["spiffe_id"] for line in overview(service)}
