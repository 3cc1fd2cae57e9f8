"""Situations in which a device changes its WOS (onboarding.md)."""

import pytest

from wos_conformance.suite.agent.stage import Stage


@pytest.mark.gives("onboarding.release-forgets", "onboarding.release-keeps-running")
@pytest.mark.needs("release")
def test_device_is_released_and_bound_to_another_wos(agent: Stage) -> None:
    """A report of the former WOS is still unheard when the device goes over to a WOS that begins with version 1."""
    device = agent.start()
    device.adopts(device.publish(device.install()))
    device.adopts(device.publish(device.install()))
    with agent.misbehave("status", "status-503"):
        device.runs(device.publish(device.install()))
    device.release()
    device.workloads()
    with agent.other_wos(device) as moved:
        publication = moved.publish(moved.install())
        with agent.misbehave("manifest", "status-500"):
            moved.start()
            moved.polled(1)
            moved.workloads()
        moved.adopts(publication)


@pytest.mark.gives(
    "onboarding.request-own-key",
    "onboarding.pending-respected",
    "onboarding.pending-same-key",
    "onboarding.renews-in-time",
    "onboarding.renewed-shown",
)
@pytest.mark.needs("start")
def test_agent_enrols_and_renews(agent: Stage) -> None:
    """The enrolment waits twice for its approval; the certificates live for a few seconds.

    The connection is closed when the second one is due and the first one has not yet expired.
    """
    device, service = agent.newcomer(pending=2, lifetime=max(6.0, 3 * agent.declared("request_timeout")))
    device.start()
    device.waits_for(service, 4)
    device.has_time("request_timeout")
    agent.double.hang_up()
    device.polled(1)


@pytest.mark.gives("onboarding.service-verified")
@pytest.mark.needs("start")
@pytest.mark.parametrize("flaw", ["unknown-root", "other-host"])
def test_somebody_else_answers_for_the_identity_service(agent: Stage, flaw: str) -> None:
    """A newcomer finds a certificate that is not that of the identity service, then the right one."""
    device, service = agent.newcomer()
    service.present(flaw)
    device.start()
    device.tries_twice(service)
    service.present()
    device.waits_for(service, 1)


@pytest.mark.gives(
    "onboarding.discovery-verified",
    "onboarding.bundle-refreshed",
    "onboarding.bundle-without-root-refused",
    "onboarding.bundle-replaces",
    "onboarding.bundle-kept",
)
@pytest.mark.needs("stop")
def test_agent_follows_the_trust_bundle(agent: Stage) -> None:
    """The trust bundle comes from the right service only, loses its roots, is away at a start, and is replaced."""
    device, service = agent.follower(hint=1)
    service.present("other-host")
    device.start()
    device.tries_twice(service)
    service.present()
    device.polled(1)
    device.waits_for(service, 2)
    service.policy.has_roots = False
    device.waits_for(service, 2)
    agent.double.hang_up()
    device.polled(2)
    service.policy.has_roots = True
    device.stop()
    with agent.without_service(service):
        device.start()
        device.polled(1)
    new = agent.trust_domain.successor()
    service.rotate(new)
    device.waits_for(service, 2)
    agent.double.present(agent.trust_domain.wos().flawed("dropped-root"))
    device.tries_twice()
    agent.double.present(new.wos())
    device.polled(1)


@pytest.mark.gives("onboarding.bundle-uri-https")
@pytest.mark.needs("start")
def test_discovery_leads_to_a_place_without_tls(agent: Stage) -> None:
    """The discovery document names a trust bundle with the scheme http."""
    decoy = agent.decoy().replace("https://", "http://")
    device, service = agent.follower(bundle_uri=f"{decoy}/bundle.json")
    device.start()
    device.waits_for(service, 1)
    device.waits(3)
