"""What cannot be verified changes nothing; what comes next is adopted all the same."""

import gzip
import io
import tarfile

import pytest


@pytest.fixture(scope="module")
def party(make, trust_domain, tmp_path_factory):
    """One WOS and one agent for all tests of this module; each leaves them as it found them, some versions later."""
    folder = tmp_path_factory.mktemp("refusal")
    wos = make.ScriptedWos(trust_domain, folder, trust_domain.issue(make.WOS_ID))
    agent = make.AgentProcess(folder, wos.url, trust_domain, trust_domain.issue(make.AGENT_ID))
    agent.configure(poll_interval=0.02, max_backoff=0.05)
    agent.version = 2
    agent.start()
    yield wos, agent
    agent.cut()
    wos.close()


@pytest.fixture
def wos(party):
    return party[0]


@pytest.fixture
def running(party, make):
    """An agent that runs deployment 1 only."""
    wos, agent = party
    wos.script = lambda exchange: None
    agent.version += 10
    wos.exchanges.clear()
    wos.publish(agent.version, make.document(1, f"1.0.{agent.version}"))
    wos.wait_for_state(1, "installed")
    wos.wait(lambda wos: agent.workloads().keys() == {"1/mixer"})
    wos.wait_for_polls(3)
    wos.exchanges.clear()
    return agent


def assert_unchanged(wos, running, make):
    """What runs stays, and at most a failure is told; then a good manifest is adopted."""
    refused = wos.served["/api/v1/deployments"].headers["ETag"]
    wos.wait_for_polls(5)
    assert running.workloads().keys() == {"1/mixer"}
    assert set(wos.states(1)) <= {"installed"}
    assert set(wos.states(2)) <= {"failed"}
    assert refused not in {poll.headers.get("if-none-match") for poll in wos.polls()}
    running.version += 10
    wos.publish(running.version, make.document(1, f"1.0.{running.version}"))
    wos.script = lambda exchange: None
    wos.wait_for_state(1, "installed", wos.states(1).count("installed") + 1)
    assert running.workloads().keys() == {"1/mixer"}


def codes(wos, number):
    """The codes of the failures that were reported of a deployment, each with the version of its manifest."""
    reports = [exchange.report for exchange in wos.reports(number)]
    return {(r["status"]["error"]["code"], r["adoptedManifestVersion"]) for r in reports if "error" in r["status"]}


def entry(make, body, **changes):
    digest = make.digest(body)
    name = make.deployment_id(2)
    content = {"deploymentId": name, "digest": digest, "url": f"/api/v1/deployments/{name}/{digest}"}
    return content | changes


MANIFESTS = {
    "not-json": b"{",
    "not-an-object": b"[]",
    "not-utf-8": b'{"manifestVersion":NEXT,"bundle":null,"deployments":[],"x":"\xff"}',
    "nested-without-end": b"[" * 200_000,
    "version-as-fraction": b'{"manifestVersion":NEXT.0,"bundle":null,"deployments":[]}',
    "version-with-exponent": b'{"manifestVersion":1e3,"bundle":null,"deployments":[]}',
    "version-as-text": b'{"manifestVersion":"NEXT","bundle":null,"deployments":[]}',
    "version-true": b'{"manifestVersion":true,"bundle":null,"deployments":[]}',
    "version-above-64-bits": b'{"manifestVersion":18446744073709551616,"bundle":null,"deployments":[]}',
    "version-of-5000-digits": b'{"manifestVersion":' + b"9" * 5000 + b',"bundle":null,"deployments":[]}',
    "version-lower": b'{"manifestVersion":LOWER,"bundle":null,"deployments":[]}',
    "version-equal": b'{"manifestVersion":SAME,"bundle":null,"deployments":[]}',
    "bundle-missing": b'{"manifestVersion":NEXT,"deployments":[]}',
    "bundle-without-digest": b'{"manifestVersion":NEXT,"bundle":{},"deployments":[]}',
    "deployments-missing": b'{"manifestVersion":NEXT,"bundle":null}',
    "deployment-without-members": b'{"manifestVersion":NEXT,"bundle":null,"deployments":[{}]}',
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_malformed_or_old(wos, running, make, name):
    body = MANIFESTS[name]
    for word, version in (b"NEXT", 1), (b"SAME", 0), (b"LOWER", -1):
        body = body.replace(word, str(running.version + version).encode())
    wos.publish_bytes(body)
    assert_unchanged(wos, running, make)


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "sha512:" + "0" * 128},
        {"digest": "sha256:" + "A" * 64},
        {"digest": "sha256:" + "0" * 63},
        {"digest": "sha256:" + "0" * 64 + "\n"},
        {"digest": None},
        {"deploymentId": "../../../../etc"},
        {"deploymentId": 1},
        {"url": "https://elsewhere.example/document"},
    ],
    ids=["sha512", "upper-case", "short", "newline", "null", "path-as-id", "number-as-id", "foreign-url"],
)
def test_entry_is_malformed(wos, running, make, changes):
    wos.publish_entries(running.version + 1, [entry(make, make.document(2), **changes)], None)
    assert_unchanged(wos, running, make)


def test_deployment_is_named_twice(wos, running, make):
    wos.publish_entries(running.version + 1, [entry(make, make.document(2))] * 2, None)
    assert_unchanged(wos, running, make)


DOCUMENTS = {
    "not-yaml": b"a: [",
    "with-aliases": b"a: &a [x]\nb: [*a, *a]\n",
    "with-a-tag": b"a: !x y\n",
    "nested-without-end": b"[" * 100_000,
    "component-as-path": b"../../mixer",
    "with-a-key-twice": b"twice",
    "two-documents": b"two",
    "for-another-device": b"elsewhere",
    "of-a-type-that-is-not-offered": b"custom",
    "on-a-condition": b"condition",
}
CODES = {
    "of-a-type-that-is-not-offered": "unlisted-type",
    "on-a-condition": "constraint-unmet",
}


def odd_document(make, name):
    good = make.document(2)
    return {
        "component-as-path": make.document(2, components=("../../mixer",)),
        "with-a-key-twice": good + b"id: " + make.deployment_id(2).encode() + b"\n",
        "two-documents": good + b"---\n" + good,
        "for-another-device": make.document(2, device="press-8"),
        "of-a-type-that-is-not-offered": make.document(2, kind="custom"),
        "on-a-condition": make.document(2, constraints={"capacityRequirements": {"memory": "4Gi"}}),
    }.get(name, DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_has_its_digest_but_fails_alone(wos, running, make, name):
    body = odd_document(make, name)
    content = entry(make, body)
    wos.served[content["url"]] = make.Reply(200, body)
    kept = make.document(1, f"1.0.{running.version}")
    running.version += 10
    first = entry(make, kept, deploymentId=make.deployment_id(1))
    first["url"] = f"/api/v1/deployments/{make.deployment_id(1)}/{make.digest(kept)}"
    wos.publish_entries(running.version, [first, content], None)
    wos.wait_for_state(2, "failed")
    wos.wait_for_polls(2)
    assert codes(wos, 2) == {(CODES.get(name, "document-invalid"), running.version)}
    assert wos.polls()[-1].headers["if-none-match"] == wos.served["/api/v1/deployments"].headers["ETag"]
    assert running.workloads().keys() == {"1/mixer"}
    assert wos.states(2)[-1] == "failed"


@pytest.mark.parametrize("way", ["alone", "in-the-bundle"])
def test_document_is_of_another_deployment(wos, running, make, way):
    body = make.document(4)
    content = entry(make, body)
    wos.served[content["url"]] = make.Reply(200, body)
    bundle = make.pack({f"{make.deployment_id(2)}.yaml": body}) if way == "in-the-bundle" else None
    wos.publish_entries(running.version + 1, [content], bundle)
    wos.wait_for_state(2, "failed")
    assert codes(wos, 2) == {("document-invalid", running.version + 1)}
    assert_unchanged(wos, running, make)


def test_document_that_is_here_is_named_for_another_deployment(wos, running, make):
    kept = make.document(1, f"1.0.{running.version}")
    wos.publish_entries(running.version + 1, [entry(make, kept)], make.pack({}))
    wos.wait_for_state(2, "failed")
    assert codes(wos, 2) == {("document-invalid", running.version + 1)}
    assert_unchanged(wos, running, make)


def test_url_names_something_else_and_the_digest_decides(wos, running, make):
    body = make.document(2)
    elsewhere = entry(make, body)["url"].replace(make.deployment_id(2), make.deployment_id(3))
    wos.served[elsewhere] = make.Reply(200, body)
    running.version += 10
    wos.publish_entries(running.version, [entry(make, body, url=elsewhere)], None)
    wos.wait_for_state(2, "installed")
    assert running.workloads().keys() == {"2/mixer"}


@pytest.mark.parametrize(
    "headers",
    [{"ETag": ""}, {"ETag": "W/{tag}"}, {"Content-Type": "application/json"}, {"Content-Type": ""}],
    ids=["without-tag", "with-a-weak-tag", "as-plain-json", "without-type"],
)
def test_manifest_comes_without_what_it_must_have(wos, running, make, headers):
    body = b'{"manifestVersion":%d,"bundle":null,"deployments":[]}' % (running.version + 1)
    good = {"ETag": f'"{make.digest(body)}"', "Content-Type": make.MANIFEST_TYPE}
    sent = good | {name: text.format(tag=good["ETag"]) for name, text in headers.items()}
    answer = make.Reply(200, body, {name: text for name, text in sent.items() if text})
    wos.publish_bytes(body)
    wos.script = lambda exchange: answer if exchange.path == "/api/v1/deployments" else None
    assert_unchanged(wos, running, make)


@pytest.mark.parametrize("status", [404, 500, 403, 302, 204])
def test_document_is_not_served(wos, running, make, status):
    wos.script = lambda exchange: make.Reply(status) if "/sha256:" in exchange.path else None
    wos.publish(running.version + 1, make.document(2, f"2.0.{running.version}"))
    if status == 404:
        wos.wait_for_state(2, "failed")
        assert codes(wos, 2) == {("retrieval-failed", running.version + 1)}
    assert_unchanged(wos, running, make)


def test_document_and_bundle_have_other_bytes(wos, running, make):
    wos.script = lambda exchange: make.Reply(200, make.document(2, "6.6.6")) if "/sha256:" in exchange.path else None
    wos.publish(running.version + 1, make.document(2, f"2.0.{running.version}"))
    wos.wait_for_state(2, "failed")
    assert codes(wos, 2) == {("verification-failed", running.version + 1)}
    assert_unchanged(wos, running, make)


def test_new_revision_that_cannot_be_retrieved_is_told_once_and_then_taken_back(wos, running, make):
    """The old revision runs on under its own state; what is unchanged in the next manifest is installed again."""
    kept = make.document(1, f"1.0.{running.version}")
    version = running.version
    wos.script = lambda exchange: make.Reply(404) if "/sha256:" in exchange.path else None
    wos.publish(version + 1, make.document(1, "9.9.9"))
    wos.wait_for_state(1, "failed")
    wos.wait_for_polls(3)
    assert wos.states(1).count("failed") == 1
    assert running.workloads()["1/mixer"]["revision"] != "9.9.9"
    wos.script = lambda exchange: None
    wos.publish(version + 2, kept)
    wos.wait_for_state(1, "installed")
    assert wos.states(1)[-2:] == ["installing", "installed"]
    assert wos.reports(1)[-1].report["adoptedManifestVersion"] == version + 2


def test_new_revision_that_cannot_be_retrieved_is_the_last_word_until_another_manifest_is_adopted(wos, running, make):
    """A repair of what still runs is not told, and an older manifest is answered by the same word."""
    version = running.version
    wos.script = lambda exchange: make.Reply(404) if "/sha256:" in exchange.path else None
    wos.publish(version + 1, make.document(1, "9.9.9"))
    wos.wait_for_state(1, "failed")
    next((running.state / "workloads").glob("*/mixer.json")).unlink()
    wos.wait(lambda wos: running.workloads().keys() == {"1/mixer"})
    wos.publish(version - 1)
    wos.wait_for_state(1, "failed", 2)
    wos.wait_for_polls(3)
    reports = [exchange.report for exchange in wos.reports(1)]
    told = [(report["status"]["state"], report["adoptedManifestVersion"]) for report in reports]
    assert told == [("failed", version + 1)] * 2
    wos.script = lambda exchange: None
    running.version += 2
    wos.publish(running.version, make.document(1, f"1.0.{running.version}"))
    wos.wait_for_state(1, "installed")


def test_what_the_bundle_does_not_bring_is_asked_for_alone(wos, running, make):
    wos.script = lambda exchange: make.Reply(200, make.pack({})) if "/bundles/" in exchange.path else None
    running.version += 10
    wos.publish(running.version, make.document(2), make.document(3))
    wos.wait_for_state(3, "installed")
    assert running.workloads().keys() == {"2/mixer", "3/mixer"}


def tar_of(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member, body in members:
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return stream.getvalue()


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def hostile_bundles(make, revision):
    two, three = make.document(2, revision), make.document(3, revision)
    name_two, name_three = f"{make.deployment_id(2)}.yaml", f"{make.deployment_id(3)}.yaml"
    good = [(member(name_two), two), (member(name_three), three)]
    return {
        "not-gzip": lambda: tar_of(*good),
        "cut-short": lambda: gzip.compress(tar_of(*good))[:-20],
        "not-tar": lambda: gzip.compress(b"nothing" * 500),
        "surplus-member": lambda: gzip.compress(tar_of(*good, (member("more.yaml"), b"x"))),
        "missing-member": lambda: gzip.compress(tar_of(good[0])),
        "member-twice": lambda: gzip.compress(tar_of(good[0], good[0], good[1])),
        "parent-path": lambda: gzip.compress(tar_of(good[0], (member("../" + name_three), three))),
        "absolute-path": lambda: gzip.compress(tar_of(good[0], (member("/" + name_three), three))),
        "symbolic-link": lambda: gzip.compress(tar_of(good[0], (member(name_three, tarfile.SYMTYPE, name_two), b""))),
        "device": lambda: gzip.compress(tar_of(good[0], (member(name_three, tarfile.CHRTYPE), b""))),
        "members-swapped": lambda: gzip.compress(tar_of((member(name_two), three), (member(name_three), two))),
        "bomb": lambda: gzip.compress(tar_of(*good) + bytes(80 * 1024 * 1024)),
        "chained-long-names": lambda: gzip.compress(
            tar_of(*[(member("././@LongLink", tarfile.GNUTYPE_LONGNAME), b"x")] * 5000, *good)
        ),
    }


BUNDLES = (
    "not-gzip cut-short not-tar surplus-member missing-member member-twice parent-path absolute-path symbolic-link"
    " device members-swapped bomb chained-long-names"
)


@pytest.mark.parametrize("name", BUNDLES.split())
def test_bundle_has_its_digest_but_is_hostile(wos, running, make, name):
    revision = f"3.0.{running.version}"
    bundle = hostile_bundles(make, revision)[name]()
    entries = []
    for number in (2, 3):
        body = make.document(number, revision)
        url = f"/api/v1/deployments/{make.deployment_id(number)}/{make.digest(body)}"
        entries.append({"deploymentId": make.deployment_id(number), "digest": make.digest(body), "url": url})
        wos.served.pop(url, None)
    wos.publish_entries(running.version + 1, entries, bundle)
    assert_unchanged(wos, running, make)


def test_body_is_longer_than_an_agent_reads(wos, running, make):
    start = b'{"manifestVersion":%d,"bundle":null,"deployments":[]' % (running.version + 1)
    wos.publish_bytes(start + b" " * (17 * 1024 * 1024) + b"}")
    assert_unchanged(wos, running, make)


def test_manifest_comes_in_gzip_and_unknown_members_are_ignored(wos, running, make):
    path = "/api/v1/deployments"
    wos.script = lambda exchange: make.Reply(503, headers={"Retry-After": "0"}) if exchange.path == path else None
    wos.publish(running.version + 1, make.document(2), more=[1])
    body = wos.served[path].body
    wos.served[path].body = gzip.compress(body)
    wos.served[path].headers["Content-Encoding"] = "gzip"
    wos.script = lambda exchange: None
    wos.wait_for_state(2, "installed")
    wos.wait(lambda wos: wos.polls()[-1].headers.get("if-none-match") == f'"{make.digest(body)}"')
    running.version += 1


def test_same_manifest_without_304_is_no_security_event(wos, running, make):
    answer = make.Reply(200, wos.served["/api/v1/deployments"].body)
    wos.script = lambda exchange: answer if exchange.path == "/api/v1/deployments" else None
    events = running.log().count("security")
    wos.wait_for_polls(3)
    assert running.log().count("security") == events
