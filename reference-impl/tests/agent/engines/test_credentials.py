"""A registry that demands credentials: with them components and images are had, and nobody is told what they are."""

import base64
import json

import pytest

PATIENCE = 60
SECRET = "open sesame"


@pytest.fixture
def device(engine, agent):
    engine.attach(agent)
    return engine


@pytest.fixture
def publish(wos, make, device, guarded_registry):
    """Publish one deployment whose component, and the image in it, stand in the registry that demands credentials."""
    device.offer("mixer", "1.0.0", image=device.image.replace(device.registry, guarded_registry))
    options = {"kind": device.type, "pointer": device.pointer, "properties": {"timeout": "0m5s"}}
    repository = f"oci://{guarded_registry}/parts/mixer"

    def publish(version):
        wos.publish(version, make.document(1, "1.0.0", repository=lambda component: repository, **options))

    yield publish
    wos.publish(1000)
    wos.wait(lambda wos: "removed" in wos.states(1), PATIENCE)


def credentials(folder, host, secret=SECRET):
    encoded = base64.b64encode(f"agent:{secret}".encode()).decode()
    file = folder / "docker" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.touch(0o600)
    file.write_text(json.dumps({"auths": {host: {"auth": encoded}}}))
    return {"registry_credentials": str(file)}, encoded


def test_registry_demands_credentials(wos, agent, device, publish, guarded_registry):
    known, encoded = credentials(agent.folder, guarded_registry)
    agent.configure(**known, plain_http_registries=[guarded_registry])
    agent.start()
    publish(2)
    wos.wait(lambda wos: "installed" in wos.states(1), PATIENCE)
    assert device.runs()["mixer"] == ("1.0.0", "12")
    told = agent.log().encode() + b"".join(exchange.body for exchange in wos.exchanges)
    assert SECRET.encode() not in told
    assert encoded.encode() not in told


@pytest.mark.parametrize("secret", [None, "open barley"], ids=["without", "with-wrong-ones"])
def test_registry_is_not_opened(wos, agent, device, publish, guarded_registry, secret):
    if secret:
        agent.configure(**credentials(agent.folder, guarded_registry, secret)[0])
    agent.configure(plain_http_registries=[guarded_registry])
    agent.start()
    publish(2)
    wos.wait(lambda wos: "failed" in wos.states(1), PATIENCE)
    report = wos.reports(1)[-1].report
    assert report["components"][0]["error"]["code"] == "artifact-unavailable"
    assert not secret or secret not in json.dumps(report) + agent.log()
    assert device.runs() == {}
