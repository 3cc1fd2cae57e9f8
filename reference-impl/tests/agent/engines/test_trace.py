"""What travels between WOS and agent is the same on every runtime, but for the type of the deployment profile."""

import re
from pathlib import Path

import pytest
from yielding_registry import HOST, yielding_registry

PATIENCE = 60
DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")


@pytest.fixture
def party_of(make, trust_domain, tmp_path):
    """Makes a WOS and an agent of its own with these settings, each in a folder of its own."""
    parties = []

    def prepare(settings):
        folder = Path(tmp_path / f"party-{len(parties)}")
        folder.mkdir()
        wos = make.ScriptedWos(trust_domain, folder, trust_domain.issue(make.WOS_ID))
        agent = make.AgentProcess(folder, wos.url, trust_domain, trust_domain.issue(make.AGENT_ID))
        agent.configure(plain_http_registries=[HOST], request_timeout=5, **settings)
        parties.append((wos, agent))
        return wos, agent

    yield prepare
    for wos, agent in parties:
        agent.cut()
        wos.close()


def life(wos, agent, make, kind):
    """Install, update, reconfigure, take one of two components away, remove; the trace of it."""

    def publish(version, revision, components=("mixer", "pump"), speed=12):
        options = {"kind": kind, "repository": lambda component: f"oci://{HOST}/{component}"}
        wos.publish(version, make.document(1, revision, components, speed, **options))
        wos.wait(lambda wos: wos.states(1).count("installed") == version - 1, PATIENCE)

    agent.start()
    publish(2, "1.0.0")
    publish(3, "1.1.0")
    publish(4, "1.1.0", speed=13)
    publish(5, "1.1.0", components=("mixer",))
    wos.publish(6)
    wos.wait(lambda wos: "removed" in wos.states(1), PATIENCE)
    wos.wait_for_polls(2)
    agent.stop()
    return trace(wos.exchanges)


def trace(exchanges):
    """All requests in order but polls, and the polls that differ; digests as numbers, since documents name the type."""
    numbers = {}

    def numbered(match):
        return b"sha256:%d" % numbers.setdefault(match[0], len(numbers))

    def line(exchange):
        headers = {name: text for name, text in exchange.headers.items() if name not in ("host", "content-length")}
        request = f"{exchange.method} {exchange.path} {sorted(headers.items())}\n".encode() + exchange.body
        return DIGEST.sub(numbered, request).decode()

    polls = [exchange for exchange in exchanges if exchange.path == "/api/v1/deployments"]
    others = [line(exchange) for exchange in exchanges if exchange.path != "/api/v1/deployments"]
    return others, list(dict.fromkeys(map(line, polls)))


def test_wire_is_the_same_as_with_folders(engine, party_of, make):
    with yielding_registry(engine.image):
        expected = life(*party_of({"runtimes": ["folder"]}), make, "compose")
        found = life(*party_of(engine.settings), make, engine.type)
    assert len(expected[0]) > 15
    assert found == expected
