"""An agent without SVID and trust bundle obtains both from an identity service, and keeps them fresh."""

import base64
import datetime
import ipaddress
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7
from cryptography.x509.oid import NameOID

CODE = "a7qk-93vd"


ANCHOR = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anchor")])
LEAF = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])


def certificate(subject_key, issuer_key, issuer, names=(), lifetime=3600.0):
    """A leaf when it has names, else the issuer itself."""
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(LEAF if names else issuer)
        .issuer_name(issuer)
        .public_key(subject_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(seconds=1))
        .not_valid_after(now + datetime.timedelta(seconds=lifetime))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class IdentityService:
    """Issues what it is asked for, and remembers how it was asked."""

    def __init__(self, folder, trust_domain, agent_id, host="127.0.0.1"):
        self.trust_domain, self.agent_id = trust_domain, agent_id
        self.roots = [trust_domain.root.certificate]
        self.pending, self.lifetime, self.hint = 0, 3600.0, 3600
        self.asked = []
        self.uri_scheme = "https"
        key = ec.generate_private_key(ec.SECP256R1())
        anchor_key = ec.generate_private_key(ec.SECP256R1())
        leaf = certificate(key.public_key(), anchor_key, ANCHOR, [x509.IPAddress(ipaddress.ip_address(host))])
        anchor = certificate(anchor_key.public_key(), anchor_key, ANCHOR)
        (folder / "anchors.pem").write_bytes(anchor.public_bytes(Encoding.PEM))
        (folder / "service.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "service.pem")
        context.load_verify_locations(cadata=trust_domain.root.certificate_pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        service = self

        class Handler(BaseHTTPRequestHandler):
            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = service.answer(self.path, self.headers, body, self.connection.getpeercert())
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = serve  # noqa: N815 -- the names are http.server's

            def log_message(self, format, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def finish_request(self, request, client_address):
                try:
                    with context.wrap_socket(request, server_side=True) as stream:
                        super().finish_request(stream, client_address)
                except OSError:
                    pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path, headers, body, peer):
        self.asked.append((path, headers, body, time.monotonic()))
        if path == "/.well-known/margo":
            uri = f"{self.url.replace('https', self.uri_scheme)}/bundle"
            return 200, {}, json.dumps({"trustDomain": "plant.example", "trustBundleUri": uri}).encode()
        if path == "/bundle":
            keys = [{"kty": "EC", "use": "jwt-svid"}]
            keys += [{"kty": "EC", "use": "x509-svid", "x5c": [der(root)]} for root in self.roots]
            return 200, {}, json.dumps({"keys": keys, "spiffe_refresh_hint": self.hint}).encode()
        wanted = headers["Authorization"] if path.endswith("simpleenroll") else None
        if wanted != ("Basic " + base64.b64encode(f"enrol:{CODE}".encode()).decode() if wanted else None):
            return 401, {}, b""
        if path.endswith("simplereenroll") and not peer:
            return 401, {}, b""
        if self.pending:
            self.pending -= 1
            return 202, {"Retry-After": "1"}, b""
        request = x509.load_der_x509_csr(base64.b64decode(body))
        assert request.is_signature_valid
        names = [x509.UniformResourceIdentifier(self.agent_id)]
        root = self.trust_domain.root
        leaf = certificate(request.public_key(), root.key, root.certificate.subject, names, self.lifetime)
        message = pkcs7.serialize_certificates([leaf], Encoding.DER)
        return 200, {"Content-Type": "application/pkcs7-mime"}, base64.encodebytes(message)

    def paths(self):
        return [asked[0].rpartition("/")[2] for asked in self.asked]


def der(root):
    return base64.b64encode(root.public_bytes(Encoding.DER)).decode()


@pytest.fixture
def service(tmp_path, trust_domain, make):
    service = IdentityService(tmp_path, trust_domain, make.AGENT_ID)
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def device(agent, service):
    """An agent that has nothing but a code and the anchors of the service."""
    configuration = yaml.safe_load((agent.folder / "agent.yaml").read_text())
    for name in ("svid", "key", "trust_bundle"):
        del configuration[name]
    configuration["identity_service"] = {"url": service.url, "anchors": "anchors.pem", "enrolment_code": CODE}
    (agent.folder / "agent.yaml").write_text(json.dumps(configuration))
    return agent


def test_agent_enrols_and_finds_the_trust_bundle(wos, service, device, make):
    wos.publish(2, make.document(1))
    device.start()
    wos.wait_for_state(1, "installed")
    assert {"simpleenroll", "margo", "bundle"} <= set(service.paths())
    key = device.state / "identity" / "key.pem"
    assert key.stat().st_mode & 0o077 == 0
    service.server.shutdown()
    device.cut()
    device.start()
    wos.wait_for_polls(2)


def test_enrolment_waits_for_its_approval_with_the_same_key(wos, service, device):
    service.pending = 2
    device.start()
    wos.wait(lambda wos: wos.polls())
    requests = [asked for asked in service.asked if asked[0].endswith("simpleenroll")]
    keys = {x509.load_der_x509_csr(base64.b64decode(body)).public_key().public_numbers() for _, _, body, _ in requests}
    assert len(keys) == 1
    assert requests[1][3] - requests[0][3] >= 1
    assert requests[2][3] - requests[1][3] >= 1


def test_svid_is_renewed_in_time_and_shown(wos, service, device):
    service.lifetime = 3.0
    device.start()
    wos.wait(lambda wos: service.paths().count("simplereenroll") >= 2)
    wos.wait_for_polls(3)
    moments = [asked[3] for asked in service.asked if "enroll" in asked[0]]
    assert moments[1] - moments[0] < 0.75 * 4.0


def test_service_that_is_not_the_expected_one_is_told_nothing(wos, service, device, trust_domain):
    (device.folder / "anchors.pem").write_bytes(trust_domain.root.certificate_pem)
    device.start()
    device.wait_for_log("no SVID", 3)
    assert service.asked == []
    assert wos.exchanges == []


def test_trust_bundle_is_replaced_and_one_without_roots_or_over_http_is_not_taken(wos, service, device, trust_domain):
    service.hint = 1
    device.start()
    wos.wait(lambda wos: wos.polls())
    before = (device.state / "identity" / "trust_bundle.pem").read_bytes()
    service.roots = []
    device.wait_for_log("has no root")
    service.uri_scheme = "http"
    device.wait_for_log("is not https")
    assert (device.state / "identity" / "trust_bundle.pem").read_bytes() == before
    wos.wait_for_polls(2)
    service.uri_scheme, service.roots = "https", [type(trust_domain)().root.certificate]
    device.wait_for_log("CERTIFICATE_VERIFY_FAILED")
