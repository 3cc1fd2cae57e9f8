"""Bad input over the wire: refused and told, what runs stays, and the process of the agent stays within its bound."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

MIB = 1024 * 1024
BOUND = 256 * MIB  # resident memory of the agent, whatever it is sent; its unit of systemd allows twice as much


@pytest.fixture(scope="module")
def party(make, trust_domain, tmp_path_factory):
    """One WOS and one agent for all inputs, so that memory which is not given back would add up."""
    folder = tmp_path_factory.mktemp("bad-input")
    wos = make.ScriptedWos(trust_domain, folder, trust_domain.issue(make.WOS_ID))
    agent = make.AgentProcess(folder, wos.url, trust_domain, trust_domain.issue(make.AGENT_ID))
    agent.configure(poll_interval=0.05, max_backoff=0.1, request_timeout=5)
    agent.version = 2
    wos.publish(agent.version, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    yield wos, agent
    agent.cut()
    wos.close()


def entry(make, number, body, **changes):
    """The entry of a document in a manifest."""
    name, digest = changes.pop("name", make.deployment_id(number)), make.digest(body)
    content = {"deploymentId": name, "digest": digest, "url": f"/api/v1/deployments/{name}/{digest}"}
    return content | changes


def tar_of(make, body, kind, name):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for number, member_name in (2, f"{make.deployment_id(2)}.yaml"), (3, name):
            member = tarfile.TarInfo(member_name)
            member.type, member.linkname = (kind, "/etc/passwd") if number == 3 else (tarfile.REGTYPE, "")
            member.size = len(body[number]) if member.type == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(body[number]))
    return gzip.compress(stream.getvalue(), mtime=0)


def yaml_bomb():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    return "\n".join(levels).encode()


def offer_manifest(wos, make, version, *, count=1, **changes):
    body = make.document(2)
    names = [{"name": make.deployment_id(number)} for number in range(2, count + 2)] if count > 1 else [{}]
    entries = [entry(make, 2, body, **name, **changes) for name in names]
    for item in entries[:1]:
        wos.served[item["url"]] = make.Reply(200, body)
    wos.publish_entries(version, entries, None)


def offer_twice(wos, make, version):
    body = make.document(2)
    wos.publish_entries(version, [entry(make, 2, body)] * 2, None)


def offer_bundle(wos, make, version, bundle):
    """Two new deployments, and a bundle that has its digest; the documents cannot be had alone."""
    documents = {number: make.document(number, f"3.0.{version}") for number in (2, 3)}
    entries = [entry(make, number, body) for number, body in documents.items()]
    wos.publish_entries(version, entries, bundle(documents))


def offer_document(wos, make, version, body, served=None):
    """The deployment that runs, and a new one with this document."""
    kept, item = make.document(1), entry(make, 2, body)
    wos.served[item["url"]] = make.Reply(200, body if served is None else served)
    wos.publish_entries(version, [entry(make, 1, kept), item], None)


MANIFESTS = {
    "ten-thousand-deployments": lambda w, m, v: offer_manifest(w, m, v, count=10_000),
    "short-id": lambda w, m, v: offer_manifest(w, m, v, deploymentId="00000000"),
    "short-digest": lambda w, m, v: offer_manifest(w, m, v, digest="sha256:" + "0" * 12),
    "unknown-algorithm": lambda w, m, v: offer_manifest(w, m, v, digest=f"sha512:{hashlib.sha512().hexdigest()}"),
    "deployment-twice": offer_twice,
}
BUNDLES = {
    "bundle-of-a-gibibyte": lambda make, body: gzip.compress(bytes(MIB), mtime=0) * 1024,
    "bundle-of-one-huge-member": lambda make, body: gzip.compress(
        tar_of(make, body, tarfile.REGTYPE, "x") + bytes(200 * MIB)
    ),
    "member-climbs-up": lambda make, body: tar_of(make, body, tarfile.REGTYPE, f"../{make.deployment_id(3)}.yaml"),
    "member-is-absolute": lambda make, body: tar_of(make, body, tarfile.REGTYPE, f"/{make.deployment_id(3)}.yaml"),
    "member-is-a-link": lambda make, body: tar_of(make, body, tarfile.SYMTYPE, f"{make.deployment_id(3)}.yaml"),
    "member-is-a-hard-link": lambda make, body: tar_of(make, body, tarfile.LNKTYPE, f"{make.deployment_id(3)}.yaml"),
    "member-is-a-device": lambda make, body: tar_of(make, body, tarfile.CHRTYPE, f"{make.deployment_id(3)}.yaml"),
}
DOCUMENTS = {
    "yaml-bomb": (lambda make: yaml_bomb(), "document-invalid"),
    "yaml-of-many-nodes": (lambda make: b"- a\n" * 500_000, "document-invalid"),
    "yaml-without-end": (lambda make: b"[" * 1_000_000, "document-invalid"),
    "for-another-device": (lambda make: make.document(2, device="press-8"), "document-invalid"),
}


def memory(agent):
    """The greatest resident memory of the process so far, in bytes."""
    lines = Path(f"/proc/{agent.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def codes(wos, number):
    """The codes of the failures that were reported of a deployment."""
    reports = [exchange.report for exchange in wos.reports(number)]
    return {report["status"]["error"]["code"] for report in reports if "error" in report["status"]}


@pytest.fixture
def agent(party, make):
    """The agent, which runs deployment 1 before and after, and adopts what comes next."""
    wos, agent = party
    agent.version += 10
    wos.exchanges.clear()
    yield agent
    assert memory(agent) < BOUND
    assert agent.workloads().keys() == {"1/mixer"}
    assert set(wos.states(1)) <= {"installed"}
    agent.version += 10
    wos.publish(agent.version, make.document(1, f"1.0.{agent.version}"))
    wos.wait(lambda wos: agent.workloads()["1/mixer"]["revision"] == f"1.0.{agent.version}")
    wos.wait_for_state(1, "installed")
    agent.version += 10
    wos.publish(agent.version, make.document(1))
    wos.wait_for_state(1, "installed", 2)


def assert_never_adopted(wos):
    refused = wos.served["/api/v1/deployments"].headers["ETag"]
    assert refused not in {poll.headers.get("if-none-match") for poll in wos.polls()}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_bad(party, agent, make, name):
    wos, refusals = party[0], agent.log().count("not adopted")
    MANIFESTS[name](wos, make, agent.version)
    agent.wait_for_log("not adopted", refusals + 1)
    wos.wait_for_polls(2)
    assert_never_adopted(wos)


@pytest.mark.parametrize("name", BUNDLES)
def test_bundle_is_bad(party, agent, make, name):
    wos = party[0]
    offer_bundle(wos, make, agent.version, lambda body: BUNDLES[name](make, body))
    wos.wait_for_state(2, "failed")
    wos.wait_for_state(3, "failed")
    assert codes(wos, 2) == codes(wos, 3)
    assert len(codes(wos, 2)) == 1
    assert_never_adopted(wos)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_bad(party, agent, make, name):
    wos, (body, code) = party[0], DOCUMENTS[name]
    offer_document(wos, make, agent.version, body(make))
    wos.wait_for_state(2, "failed")
    assert codes(wos, 2) == {code}


def test_document_has_another_digest(party, agent, make):
    wos = party[0]
    offer_document(wos, make, agent.version, make.document(2), served=make.document(2, "6.6.6"))
    wos.wait_for_state(2, "failed")
    assert codes(wos, 2) == {"verification-failed"}
    assert_never_adopted(wos)
