"""The agent aborts before the first byte of a request when its peer is not its own WOS."""

import pytest

OWN = "spiffe://plant.example/margo/wfm/main"
PEERS = {
    "other-wos": {"uris": [OWN + "-2"]},
    "other-case": {"uris": ["spiffe://plant.example/margo/wfm/Main"]},
    "other-trust-domain": {"uris": ["spiffe://plant2.example/margo/wfm/main"]},
    "an-agent": {"uris": [OWN + "/client/press-7"]},
    "slash-at-the-end": {"uris": [OWN + "/"]},
    "two-uris": {"uris": [OWN, OWN + "-2"]},
    "same-uri-twice": {"uris": [OWN, OWN]},
    "no-uri": {"uris": []},
    "an-authority": {"uris": [OWN], "authority": True},
    "expired": {"uris": [OWN], "days": -1},
}


def assert_nothing_is_asked(wos, agent):
    agent.start()
    agent.wait_for_log("the announcement was not answered", 3)
    assert wos.exchanges == []


@pytest.mark.parametrize("peer", PEERS)
def test_peer_is_not_the_own_wos(wos_of, agent_of, trust_domain, peer):
    values = dict(PEERS[peer])
    wos = wos_of(trust_domain.issue(*values.pop("uris"), **values))
    assert_nothing_is_asked(wos, agent_of(wos))


def test_peer_is_of_a_foreign_authority(wos_of, agent_of, make):
    wos = wos_of(make.TrustDomain().issue(OWN))
    assert_nothing_is_asked(wos, agent_of(wos))


def test_peer_speaks_an_older_tls(wos_of, agent_of, trust_domain):
    wos = wos_of(trust_domain.issue(OWN), newest_tls="TLSv1_2")
    assert_nothing_is_asked(wos, agent_of(wos))


def test_own_wos_is_accepted(wos_of, agent_of, trust_domain):
    wos = wos_of(trust_domain.issue(OWN))
    agent_of(wos).start()
    wos.wait_for_polls(2)


@pytest.mark.parametrize("uri", ["spiffe://plant.example/margo/client/press-7", OWN, OWN + "/client/a/b"])
def test_own_identity_is_not_that_of_an_agent(agent_of, wos_of, trust_domain, make, uri):
    wos = wos_of(trust_domain.issue(OWN))
    agent = agent_of(wos, trust_domain.issue(uri))
    agent.start()
    assert agent.process.wait(make.PATIENCE) == 2
    assert "not the SPIFFE id of an agent" in agent.log()
