"""Answers that fail or never come: pauses are kept, reports come again in order, polling goes on."""

import time
from itertools import pairwise

import pytest


def first_times(make, count, answer):
    """A script that gives `answer` to the first `count` requests for which it is asked."""
    given = []

    def script(exchange, wanted):
        if wanted and len(given) < count:
            given.append(exchange)
            return answer
        return None

    return script


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("operation", ["PUT /api/v1/capabilities", "GET /api/v1/deployments", "POST /api/v1/deploy"])
def test_retry_after_is_respected(wos, agent, make, status, operation):
    method, path = operation.split()
    once = first_times(make, 1, make.Reply(status, headers={"Retry-After": "1"}))
    wos.script = lambda e: once(e, e.method == method and e.path.startswith(path))
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    found = lambda: [e for e in wos.exchanges if e.method == method and e.path.startswith(path)]  # noqa: E731
    first, second = wos.wait(lambda wos: len(found()) > 1 and found()[:2])
    assert second.at - first.at >= 1
    if method == "POST":
        assert first.body == second.body


def test_retry_after_as_a_date_is_respected(wos, agent, make):
    def script(exchange):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(time.time()) + 2))
        return once(exchange, exchange.path == "/api/v1/deployments") and make.Reply(503, headers={"Retry-After": date})

    once = first_times(make, 1, make.Reply(503))
    wos.script = script
    agent.start()
    first, second = wos.wait(lambda wos: len(wos.polls()) >= 2 and wos.polls())[:2]
    assert second.at - first.at >= 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 202, 301])
def test_polling_goes_on_after_any_answer(wos, agent, make, status):
    once = first_times(make, 2, make.Reply(status))
    wos.script = lambda e: once(e, e.path == "/api/v1/deployments")
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")


def test_reports_come_again_in_order_and_only_one_at_a_time(wos, agent, make):
    once = first_times(make, 3, make.Reply(503, headers={"Retry-After": "0"}))
    wos.script = lambda e: once(e, e.method == "POST")
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    assert wos.states(1) == ["pending"] * 4 + ["installing", "installed"]


def test_report_that_is_never_answered_comes_again_and_polling_goes_on(wos, agent, make):
    agent.configure(request_timeout=0.3)
    once = first_times(make, 2, make.Reply(200))
    wos.script = lambda e: once(e, e.method == "POST") and (time.sleep(1), make.Reply(200))[1]
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    assert wos.states(1)[:3] == ["pending"] * 3
    polls = [poll.at for poll in wos.polls()]
    assert max(after - before for before, after in pairwise(polls)) < 0.1 * 3 + 0.3


def test_refused_report_is_dropped_and_the_next_is_sent(wos, agent, make):
    once = first_times(make, 1, make.Reply(404))
    wos.script = lambda e: once(e, e.method == "POST")
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "installed")
    assert wos.states(1) == ["pending", "installing", "installed"]
    assert "is dropped" in agent.log()


def test_one_deployment_does_not_hold_up_the_reports_of_another(wos, agent, make):
    wos.script = lambda e: make.Reply(503, headers={"Retry-After": "0"}) if e in wos.reports(1) else None
    wos.publish(2, make.document(1), make.document(2))
    agent.start()
    wos.wait_for_state(2, "installed")
    assert set(wos.states(1)) == {"pending"}


def test_claim_that_is_no_longer_true_is_never_sent(wos, agent, make):
    wos.script = lambda e: make.Reply(503, headers={"Retry-After": "0"}) if e.method == "POST" else None
    wos.publish(2, make.document(1))
    agent.start()
    wos.wait_for_state(1, "pending")
    wos.publish(3)
    wos.wait(lambda wos: not agent.workloads())
    wos.wait_for_polls(2)
    wos.script = lambda e: None
    wos.wait_for_state(1, "removed")
    assert list(dict.fromkeys(wos.states(1))) == ["pending", "installing", "removing", "removed"]


def test_body_drips_slower_than_the_request_timeout(wos, agent, make):
    agent.configure(request_timeout=0.4)
    wos.publish(2, make.document(1))
    wos.drip = 0.2
    agent.start()
    first, second = wos.wait(lambda wos: len(wos.polls()) >= 2 and wos.polls())[:2]
    assert second.at - first.at < 0.4 + 0.3 + 0.3
    wos.drip = 0.0
    wos.wait_for_state(1, "installed")


def test_wos_that_goes_away_is_found_again(wos, agent, make):
    wos.script = lambda e: make.Reply(200, headers={"Content-Length": "1000", "Connection": "close"})
    agent.start()
    wos.wait(lambda wos: wos.exchanges)
    wos.script = lambda e: None
    wos.publish(2, make.document(1))
    wos.wait_for_state(1, "installed")
